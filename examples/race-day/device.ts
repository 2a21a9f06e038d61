import type { InsertManyResult, Passing, RufusClient } from 'rufus-client';
import { Comparison, type Differences } from './comparison.js';
import type { Recording } from './recording.js';
import { Tally } from './tally.js';

/** What came of one checkpoint. */
export interface Outcome {
  readonly recording: Recording;
  readonly tally: Tally;
  readonly differences: Differences;
}

/** The timing device at one checkpoint: sends what its mat recorded, and can read it back. */
export class TimingDevice {
  readonly recording: Recording;
  readonly #client: RufusClient;
  readonly #token_session: string;

  private constructor(client: RufusClient, recording: Recording, token_session: string) {
    this.#client = client;
    this.recording = recording;
    this.#token_session = token_session;
  }

  /** Binds the device, unless it is bound already, and opens a session for this race. */
  static async start(client: RufusClient, recording: Recording): Promise<TimingDevice> {
    const { name } = recording.checkpoint;
    const device = { type: 'reader', model: 'race-day example', serial_number: `race-day-${name}`, alias: name };
    const { deviceid } = await client.devices.ensureBound(device);
    const { token_session } = await client.sessions.create({ deviceid, alias: `Race day, ${name}` });
    return new TimingDevice(client, recording, token_session);
  }

  /** In batches, in order. `onSent` is given how many more the server has confirmed. */
  send(onSent: (count: number) => void): Promise<InsertManyResult> {
    let confirmed = 0;
    return this.#client.passings.insertMany(this.#token_session, this.recording.passings, {
      onProgress: ({ sent }) => {
        onSent(sent - confirmed);
        confirmed = sent;
      },
    });
  }

  /** Everything the server holds of the session, held against what was sent. */
  async readBack(onRead: (passing: Passing) => void): Promise<Outcome> {
    const comparison = new Comparison(this.recording.passings);
    const tally = new Tally();
    for await (const passing of this.#client.passings.listBySession(this.#token_session, { prefetch: 2 })) {
      comparison.take(passing);
      tally.take(passing);
      onRead(passing);
    }
    return { recording: this.recording, tally, differences: comparison.differences() };
  }

  async stop(): Promise<void> {
    await this.#client.sessions.close(this.#token_session);
  }
}
