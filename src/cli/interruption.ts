import { EXIT, type ExitCode } from './exit-codes.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Ctrl-C and SIGTERM: the first asks the command to stop at a safe point, the second ends the process. */
export class Interruption {
  readonly #controller = new AbortController();
  #exitCode: ExitCode | undefined;

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Of the signal that came; undefined before it. */
  get exitCode(): ExitCode | undefined {
    return this.#exitCode;
  }

  listen(): void {
    for (const name of SIGNALS) {
      process.on(name, () => {
        if (this.#exitCode !== undefined) process.exit(EXIT[name]);
        this.#exitCode = EXIT[name];
        this.#controller.abort();
      });
    }
  }
}
