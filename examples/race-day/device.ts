import type { Passing, RufusClient } from 'rufus-client';
import type { Recording } from '../../src/simulation/recording.js';
import { Comparison, type Differences } from './comparison.js';
import { Tally } from './tally.js';

/** What came of one checkpoint. */
export interface Outcome {
  readonly recording: Recording;
  readonly tally: Tally;
  readonly differences: Differences;
}

/** The timing device at one checkpoint, with a session of its own. */
export interface TimingDevice {
  readonly recording: Recording;
  readonly token_session: string;
}

export const serialNumberOf = ({ checkpoint }: Recording): string => `race-day-${checkpoint.name}`;

/** Binds the device, unless it is bound already, and opens a session for this race. */
export async function startDevice(client: RufusClient, recording: Recording): Promise<TimingDevice> {
  const { name } = recording.checkpoint;
  const serial_number = serialNumberOf(recording);
  const device = { type: 'reader', model: 'race-day example', serial_number, alias: name };
  const { deviceid } = await client.devices.ensureBound(device);
  const { token_session } = await client.sessions.create({ deviceid, alias: `Race day, ${name}` });
  return { recording, token_session };
}

/** Everything the server holds of the session, held against what was recorded. */
export async function readBack(
  client: RufusClient,
  { recording, token_session }: TimingDevice,
  onRead: (passing: Passing) => void,
): Promise<Outcome> {
  const comparison = new Comparison(recording.passings);
  const tally = new Tally();
  for await (const passing of client.passings.listBySession(token_session, { prefetch: 2 })) {
    comparison.take(passing);
    tally.take(passing);
    onRead(passing);
  }
  return { recording, tally, differences: comparison.differences() };
}
