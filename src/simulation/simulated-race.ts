import { setTimeout as sleep } from 'node:timers/promises';
import type { PassingInput, RufusClient } from 'rufus-client';
import { gunOf } from './course.js';
import { generateField, Random } from './field.js';
import { type Recording, recordRace } from './recording.js';

const SEED = 7;
const TICKS = 60;
const TICK_MS = 100;
const LIVE_TICK_MS = 250;

interface Mat {
  readonly deviceid: string;
  readonly token_session: string;
  readonly recording: Recording;
  sent: number;
}

/** A marathon whose crossings are sent as they come, to watch or to try things on. */
export class SimulatedRace {
  /** Crossings at all checkpoints together. */
  readonly total: number;
  readonly #client: RufusClient;
  readonly #mats: readonly Mat[];

  private constructor(client: RufusClient, mats: readonly Mat[]) {
    this.#client = client;
    this.#mats = mats;
    this.total = mats.reduce((sum, { recording }) => sum + recording.passings.length, 0);
  }

  /** Binds a device at each checkpoint (or only at the named one) and opens its session. */
  static async prepare(client: RufusClient, runners: number, only?: string): Promise<SimulatedRace> {
    const random = new Random(SEED);
    const recordings = recordRace(generateField(runners, random), () => 1, random);
    const mats: Mat[] = [];
    for (const recording of recordings) {
      const { name } = recording.checkpoint;
      if (only !== undefined && name !== only) continue;
      const device = { type: 'reader', model: 'simulated', serial_number: `simulated-${name}`, alias: name };
      const { deviceid } = await client.devices.ensureBound(device);
      const { token_session } = await client.sessions.create({ deviceid, alias: name });
      mats.push({ deviceid, token_session, recording, sent: 0 });
    }
    return new SimulatedRace(client, mats);
  }

  get deviceids(): readonly string[] {
    return this.#mats.map(({ deviceid }) => deviceid);
  }

  /** All of it, in some seconds. `onTick` is told how much of it is over, from 0 to 1. */
  async run(onTick: (share: number) => Promise<void> = async () => {}): Promise<void> {
    const times = this.#mats.flatMap(({ recording }) => recording.passings.map(timeOf));
    const first = Math.min(...times);
    const last = Math.max(...times);
    for (let tick = 1; tick <= TICKS; tick++) {
      await this.#sendUntil(first + ((last - first) * tick) / TICKS);
      await onTick(tick / TICKS);
      await sleep(TICK_MS);
    }
  }

  /** As it would be today, with the first gun `sinceGunMs` ago: what has been by now at once, then each crossing at its time. */
  async runLive(sinceGunMs: number, signal: AbortSignal): Promise<void> {
    const laterMs = Date.now() - sinceGunMs - gunOf('wheelchairs');
    while (!signal.aborted) {
      await this.#sendUntil(Date.now() - laterMs, laterMs);
      await sleep(LIVE_TICK_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #sendUntil(time: number, laterMs = 0): Promise<void> {
    await Promise.all(
      this.#mats.map(async (mat) => {
        const { passings } = mat.recording;
        const end = passings.findIndex((passing, index) => index >= mat.sent && timeOf(passing) > time);
        const due = passings.slice(mat.sent, end === -1 ? undefined : end).map((passing) => moved(passing, laterMs));
        if (due.length > 0) await this.#client.passings.insertMany(mat.token_session, due);
        mat.sent += due.length;
      }),
    );
  }
}

const timeOf = ({ timestamp }: PassingInput): number => new Date(timestamp).getTime();

const moved = (passing: PassingInput, ms: number): PassingInput => ({
  ...passing,
  timestamp: new Date(timeOf(passing) + ms),
});
