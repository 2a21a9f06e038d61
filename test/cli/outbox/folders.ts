import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RufusClient } from 'rufus-client';
import { type NewPassing, openOutbox } from 'rufus-client/outbox';
import { type Account, openAccount } from '../support/account.js';
import { temporaryFolder } from '../support/rufus.js';

export const READING = ['status', 'parked', 'export', 'verify'] as const;

const read = (bib: number): NewPassing => ({
  timestamp: new Date(Date.UTC(2026, 4, 3, 9) + bib * 1_000).toISOString(),
  bib: String(bib),
});
const reads = (first: number, last: number): NewPassing[] =>
  Array.from({ length: last - first + 1 }, (_, index) => read(first + index));

export interface Filled extends Account {
  readonly deviceid: string;
  readonly token_session: string;
  readonly directory: string;
}

/** 1 to 10 delivered, 11 to 14 parked because their session was closed, 15 to 20 pending in a new one. */
export async function filledFolder(): Promise<Filled> {
  const account = await openAccount();
  const { sandbox } = account;
  const client = new RufusClient({ apiKey: sandbox.keys.admin, dispatcher: sandbox.dispatcher, logLevel: 'off' });
  const { deviceid } = await client.devices.bind({ type: 'reader', model: 'R1', serial_number: 'SN-1' });
  const first = (await client.sessions.create({ deviceid })).token_session;
  const directory = join(temporaryFolder(), 'outbox');
  const outbox = await openOutbox({ client, directory, session: { token_session: first }, batch: { lingerMs: 0 } });
  await outbox.append(reads(1, 10));
  await outbox.drained();
  await client.sessions.close(first);
  await outbox.append(reads(11, 14));
  await outbox.drained();
  const { token_session } = await client.sessions.create({ deviceid });
  await outbox.switchSession({ token_session });
  outbox.pause();
  // A list each: a commit that others follow is certain.
  for (const bib of [15, 16, 17, 18, 19, 20]) await outbox.append(read(bib));
  await outbox.close();
  return { ...account, client, deviceid, token_session, directory };
}

/** The newest segment of the log. */
function segmentOf(directory: string): string {
  return join(
    directory,
    readdirSync(directory)
      .filter((name) => name.endsWith('.log'))
      .sort()
      .at(-1)!,
  );
}

/** Flips a bit in the line of this bib, and says where it stands. */
export function spoil(directory: string, bib: number): { from: number; to: number } {
  const path = segmentOf(directory);
  const bytes = readFileSync(path);
  const at = bytes.indexOf(`"bib":"${bib}"`);
  bytes[at + 7]! ^= 1;
  writeFileSync(path, bytes);
  return { from: bytes.lastIndexOf('\n', at) + 1, to: bytes.indexOf('\n', at) + 1 };
}

export const DAMAGES: readonly (readonly [string, (directory: string) => void])[] = [
  ['in the middle', (directory) => spoil(directory, 17)],
  ['at the tail', (directory) => truncateSync(segmentOf(directory), readFileSync(segmentOf(directory)).length - 9)],
  [
    'by a write that was cut short',
    (directory) => writeFileSync(segmentOf(directory), '0badcafe 21 {"t', { flag: 'a' }),
  ],
  ['ack.dat missing', (directory) => rmSync(join(directory, 'ack.dat'))],
];

/** At random, in the ways of cards and people. Says what was done. */
export function ruin(directory: string, random: (below: number) => number): string {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(log|dat)$/.test(name),
  );
  const name = names[random(names.length)]!;
  const path = join(directory, name);
  const bytes = readFileSync(path);
  const at = random(bytes.length);
  const way = ['cut', 'zeros', 'garbage', 'flip'][random(4)]!;
  if (way === 'cut') truncateSync(path, at);
  else if (way === 'flip') bytes[at]! ^= 1 << random(8);
  else bytes.fill(way === 'zeros' ? 0 : 0xa5, at, Math.min(at + 500, bytes.length));
  if (way !== 'cut') writeFileSync(path, bytes);
  return `${way} ${name} at ${at}`;
}
