import type { RufusClient } from '../client.js';
import { pause } from '../core/abort.js';
import { RufusError } from '../core/errors.js';
import { exponentialDelay, jittered } from '../core/retry.js';
import type { FollowOptions } from '../types.js';
import { type DeviceLog, Superseded } from './device-log.js';

const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 30_000;

/** Follows one device and writes what comes into the stream, until it is stopped. Whatever fails is tried again. */
export class DeviceReader {
  /** What went wrong last; null once it works again. */
  lastError: string | null = null;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  readonly #log: DeviceLog;

  constructor(
    readonly deviceid: string,
    client: RufusClient,
    log: DeviceLog,
    options: Pick<FollowOptions, 'pollMs' | 'holeTimeoutMs'>,
  ) {
    this.#log = log;
    this.#done = this.#run(client, options);
  }

  refresh(): void {
    this.#log.refresh();
  }

  /** Resolves when nothing is read or written any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
    await this.#log.settled();
  }

  async #run(client: RufusClient, options: Pick<FollowOptions, 'pollMs' | 'holeTimeoutMs'>): Promise<void> {
    const { signal } = this.#stop;
    for (let failed = 0; !signal.aborted; ) {
      try {
        const cursor = await this.#log.open();
        const batches = client.passings.follow(this.deviceid, {
          pollMs: options.pollMs,
          holeTimeoutMs: options.holeTimeoutMs,
          cursor,
          signal,
          onState: ({ state, cause }) => {
            this.lastError = state === 'live' ? null : (cause?.message ?? 'the API does not answer');
          },
        });
        for await (const batch of batches) {
          await this.#log.append(batch, signal);
          failed = 0;
          this.lastError = null;
        }
      } catch (error) {
        if (signal.aborted) return;
        // Losing the race for a device is no failure; the pause gives way to who won it.
        if (!(error instanceof Superseded)) this.lastError = error instanceof Error ? error.message : String(error);
        // Only what the API says may last. NATS is back when it is back.
        failed = error instanceof RufusError ? failed + 1 : 0;
        await pause(jittered(exponentialDelay(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, failed), 0.5), signal);
      }
    }
  }
}
