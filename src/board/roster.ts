import { setTimeout as sleep } from 'node:timers/promises';
import type { Device, RufusClient, Session } from 'rufus-client';

/** Who is told what is found. */
export interface RosterListener {
  device(device: Device): void;
  /** The device's active session; null where it has none. */
  session(deviceid: string, session: Session | null): void;
  /** The list of devices could not be read; `undefined`: it could. */
  listed(failure: unknown): void;
}

/** Looks after what `follow` does not tell: names, batteries, sessions; with `all`, which devices there are. */
export class Roster {
  readonly #client: RufusClient;
  readonly #all: boolean;
  readonly #listener: RosterListener;
  readonly #signal: AbortSignal;

  constructor(client: RufusClient, all: boolean, listener: RosterListener, signal: AbortSignal) {
    this.#client = client;
    this.#all = all;
    this.#listener = listener;
    this.#signal = signal;
  }

  /** Finds the devices of the account. */
  async list(): Promise<void> {
    if (!this.#all) return;
    try {
      for await (const device of this.#client.devices.list({}, { signal: this.#signal })) this.#listener.device(device);
      this.#listener.listed(undefined);
    } catch (error) {
      if (!this.#signal.aborted) this.#listener.listed(error);
    }
  }

  /** Until the signal: one request at a time. What fails is asked again the next time; an outage is the followers' to tell. */
  async keep(deviceids: () => readonly string[], everyMs: number): Promise<void> {
    const signal = this.#signal;
    while (!signal.aborted) {
      for (const deviceid of deviceids()) {
        try {
          this.#listener.device(await this.#client.devices.get(deviceid, { signal, retry: false }));
          this.#listener.session(deviceid, await this.#client.sessions.getActive(deviceid, { signal, retry: false }));
        } catch {}
      }
      await sleep(everyMs, undefined, { signal }).catch(() => {});
      if (!signal.aborted) await this.list();
    }
  }
}
