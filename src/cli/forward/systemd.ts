import { spawn } from 'node:child_process';

/**
 * Tells systemd that the service is up, and then that it is alive. Node cannot send datagrams to a socket file, which is how
 * systemd listens, so that its own `systemd-notify` does it: the unit needs `NotifyAccess=all`.
 */
export class ServiceManager {
  readonly #isThere = process.env.NOTIFY_SOCKET !== undefined;
  readonly #warn: (line: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #hasWarned = false;

  constructor(warn: (line: string) => void) {
    this.#warn = warn;
  }

  ready(): void {
    this.#tell('READY=1');
    const watchdogMs = Number(process.env.WATCHDOG_USEC) / 1_000;
    // Sent by a timer: if the event loop stands still, so does this, and systemd starts the service anew.
    if (watchdogMs > 0) this.#timer = setInterval(() => this.#tell('WATCHDOG=1'), watchdogMs / 3).unref();
  }

  stopping(): void {
    clearInterval(this.#timer);
    this.#tell('STOPPING=1');
  }

  #tell(state: string): void {
    if (!this.#isThere) return;
    const child = spawn('systemd-notify', [state], { stdio: 'ignore' });
    child.unref();
    child.on('error', (error) => this.#failed(error.message));
    child.on('exit', (code) => {
      if (code !== 0) this.#failed(`exit code ${code}`);
    });
  }

  #failed(why: string): void {
    if (!this.#hasWarned) this.#warn(`systemd-notify failed (${why}): systemd does not know how this service is.`);
    this.#hasWarned = true;
  }
}
