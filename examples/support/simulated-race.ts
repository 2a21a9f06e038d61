import type { PassingInput, RufusClient } from 'rufus-client';
import { generateField, Random } from '../race-day/field.js';
import { type Recording, recordRace } from '../race-day/recording.js';

const TICKS = 60;
const TICK_MS = 100;

interface Mat {
  readonly deviceid: string;
  readonly token_session: string;
  readonly recording: Recording;
  sent: number;
}

/** A race for examples that watch one: hours of crossings, sent as they come, in some seconds. */
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
    const random = new Random(7);
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

  /** From the first crossing to the last. `onTick` is told how much of it is over, from 0 to 1. */
  async run(onTick: (share: number) => Promise<void> = async () => {}): Promise<void> {
    const times = this.#mats.flatMap(({ recording }) => recording.passings.map(timeOf));
    const first = Math.min(...times);
    const last = Math.max(...times);
    for (let tick = 1; tick <= TICKS; tick++) {
      const now = first + ((last - first) * tick) / TICKS;
      await Promise.all(this.#mats.map((mat) => this.#sendUntil(now, mat)));
      await onTick(tick / TICKS);
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  }

  async #sendUntil(now: number, mat: Mat): Promise<void> {
    const { passings } = mat.recording;
    const end = passings.findIndex((passing) => timeOf(passing) > now);
    const due = passings.slice(mat.sent, end === -1 ? undefined : end);
    if (due.length > 0) await this.#client.passings.insertMany(mat.token_session, due);
    mat.sent += due.length;
  }
}

const timeOf = ({ timestamp }: PassingInput): number => new Date(timestamp).getTime();
