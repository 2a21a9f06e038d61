import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openJournal } from '../../src/outbox/disk/open-journal.js';
import type { Journal, JournalOptions } from '../../src/outbox/journal.js';
import { openOutboxWith } from '../../src/outbox/open.js';
import { clientAt, refusedPort } from '../support/client.js';
import { listen, opened, runner, runners, sandboxed, tempFolder } from './support/rig.js';

const numbers = (receipts: readonly { num_passing: number }[]) => receipts.map(({ num_passing }) => num_passing);

async function offlineClient() {
  return clientAt(`http://127.0.0.1:${await refusedPort()}/v0`);
}

/** Takes connections and says nothing. */
async function silentClient() {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const client = clientAt(`http://127.0.0.1:${port}/v0`);
  onTestFinished(() => client.close());
  return client;
}

const logs = async (directory: string) => (await readdir(directory)).filter((name) => name.endsWith('.log'));

/** Ten passings delivered, three pending, and then this happens to the folder. */
async function damaged(damage: (directory: string, ackBefore: Buffer) => Promise<unknown>) {
  const rig = await sandboxed();
  const { token_session } = await rig.client.sessions.create({ deviceid: rig.deviceid });
  const directory = await tempFolder();
  const session = { token_session, startAt: 1 };
  const first = await opened({ client: rig.client, directory, session });
  await first.append(runners(10));
  await first.drained();
  const ackBefore = await readFile(join(directory, 'ack.dat'));
  first.pause();
  await first.append(runners(3, 11));
  await first.close();
  await damage(directory, ackBefore);
  const open = (client = rig.client, more: object = {}) =>
    opened({ client, directory, session: { ...session, ...more } });
  const stored = () => rig.sandbox.state.passings(token_session).map(({ num_passing, bib }) => `${num_passing}:${bib}`);
  return { ...rig, token_session, directory, open, stored };
}

/** Copied away and back: other files, the same bytes. */
async function putBack(directory: string) {
  await cp(directory, `${directory}.copy`, { recursive: true });
  await rm(directory, { recursive: true });
  await cp(`${directory}.copy`, directory, { recursive: true });
  await rm(`${directory}.copy`, { recursive: true });
}

/** The last lines of the newest segment are gone, as if they had never been written. */
async function shorten(directory: string, lines: number): Promise<void> {
  const path = join(directory, (await logs(directory)).at(-1)!);
  const left = (await readFile(path, 'utf8')).split('\n').slice(0, -1 - lines);
  await writeFile(path, `${left.join('\n')}\n`);
}

const DAMAGES: [string, (directory: string, ackBefore: Buffer) => Promise<unknown>][] = [
  ['the log ends before what ack.dat vouches for', async (at) => truncate(join(at, (await logs(at)).at(-1)!), 700)],
  ['the segments are gone', async (at) => Promise.all((await logs(at)).map((name) => rm(join(at, name))))],
  ['ack.dat is gone', (at) => rm(join(at, 'ack.dat'))],
  ['ack.dat is garbage', (at) => writeFile(join(at, 'ack.dat'), Buffer.alloc(8192, 0xa5))],
  [
    'both are garbage',
    async (at) => {
      for (const name of ['ack.dat', ...(await logs(at))]) await writeFile(join(at, name), Buffer.alloc(8192, 0xa5));
    },
  ],
  ['it is a copy', putBack],
  [
    'the end of the log is gone, and it was killed before ack.dat could tell',
    async (at, ackBefore) => {
      await writeFile(join(at, 'ack.dat'), ackBefore);
      await shorten(at, 2);
    },
  ],
  [
    'the newest segment is gone, and it was killed before ack.dat could tell',
    async (at, ackBefore) => {
      await writeFile(join(at, 'ack.dat'), ackBefore);
      await rm(join(at, (await logs(at)).at(-1)!));
    },
  ],
];

describe('a damaged folder', () => {
  it.each(DAMAGES)('opens without network, beyond all that can have been given: %s', async (_, damage) => {
    const { open, stored, token_session } = await damaged(damage);
    const outbox = await open(await offlineClient());
    const events = listen(outbox);
    const { num_passing } = await outbox.append(runner(14));
    expect(num_passing).toBeGreaterThan(1_000_000);
    expect(events.of('numbersSkipped')).toMatchObject([
      { token_session, to: num_passing, why: { code: 'connection' } },
    ]);
    await outbox.close();
    const second = await open();
    await second.drained();
    expect(second.stats()).toMatchObject({ parked: 0, pending: 0 });
    expect(stored()).toContain(`${num_passing}:14`);
    expect(new Set(stored()).size).toBe(stored().length);
  });

  it.each(DAMAGES)('goes on right above what the server has, where it answers: %s', async (_, damage) => {
    const { open } = await damaged(damage);
    const outbox = await open();
    const { num_passing } = await outbox.append(runner(14));
    expect(num_passing).toBeGreaterThan(10);
    expect(num_passing).toBeLessThan(20);
    await outbox.drained();
    expect(outbox.stats().parked).toBe(0);
  });

  it.each(['silent', '500', 'may not read'])(
    'opens within 3 s: %s',
    async (kind) => {
      const { open, sandbox, clientOf } = await damaged((at) => rm(join(at, 'ack.dat')));
      if (kind === '500')
        sandbox.fault({ kind: 'status', status: 500, on: 'GET /passings/session/{token_session}', times: 1_000 });
      const client =
        kind === 'silent'
          ? await silentClient()
          : clientOf({ apiKey: sandbox.keys[kind === '500' ? 'readWrite' : 'write'] });
      const begun = performance.now();
      const outbox = await open(client);
      expect(performance.now() - begun).toBeLessThan(3_500);
      expect(numbers(await outbox.append(runners(1, 14)))[0]).toBeGreaterThan(1_000_000);
    },
    15_000,
  );

  it('keeps parked passings only, and still knows where they stood', async () => {
    const rig = await sandboxed();
    const { token_session } = await rig.client.sessions.create({ deviceid: rig.deviceid });
    const directory = await tempFolder();
    const session = { token_session, startAt: 500 };
    const first = await opened({ client: rig.client, directory, session });
    await rig.client.sessions.close(token_session);
    await first.append(runners(3));
    await first.drained();
    expect(first.stats().parked).toBe(3);
    await first.close();
    for (const name of ['ack.dat', ...(await logs(directory))]) await rm(join(directory, name));
    const second = await opened({ client: await offlineClient(), directory, session: { token_session, startAt: 1 } });
    expect(await second.append(runner(4))).toEqual({ token_session, num_passing: 1_000_503 });
  });

  it('takes startAt for a floor, offline too', async () => {
    const { open } = await damaged(putBack);
    const outbox = await open(await offlineClient(), { startAt: 5_000_000 });
    expect(numbers(await outbox.append(runners(2, 14)))).toEqual([5_000_000, 5_000_001]);
  });

  it('was put back twice: the server has the numbers that were skipped to, and what is pending gets others before it is sent', async () => {
    const { open, client, directory, token_session, sandbox } = await damaged(putBack);
    const image = `${directory}.image`;
    await cp(directory, image, { recursive: true });
    onTestFinished(() => rm(image, { recursive: true, force: true }));
    const offline = await offlineClient();
    const one = await open(offline);
    const skippedTo = numbers(await one.append(runners(4, 101)))[0]!;
    await one.close();
    const delivers = await open();
    await delivers.drained();
    await delivers.close();
    await rm(directory, { recursive: true });
    await cp(image, directory, { recursive: true });
    const other = await open(offline);
    expect(numbers(await other.append(runners(6, 201)))[0]).toBe(skippedTo);
    await other.close();
    const back = await open(client);
    const events = listen(back);
    const later = numbers(await back.append(runners(2, 207)));
    await back.drained();
    const [skip] = events.of('numbersSkipped').slice(-1);
    expect(skip).toMatchObject({ token_session, from: skippedTo });
    expect(skip!.to).toBeGreaterThanOrEqual(skippedTo + 6);
    expect(events.of('collision')).toEqual([]);
    const bibs = sandbox.state.passings(token_session).map(({ bib }) => Number(bib));
    expect(bibs).toEqual([...runners(13), ...runners(4, 101), ...runners(8, 201)].map(({ bib }) => Number(bib)));
    expect(later[1]! - later[0]!).toBe(1);
    await back.close();
    // It is settled for good.
    const again = await open();
    const told = listen(again);
    await again.append(runner(300));
    await again.drained();
    expect(told.of('numbersSkipped')).toEqual([]);
  });

  it('lost what a lying disk had not written, which nothing shows: the server is asked before it gets the numbers', async () => {
    const { open, client, directory, token_session, sandbox } = await damaged(async () => undefined);
    const files = (await readdir(directory)).filter((name) => /\.(log|dat)$/.test(name));
    const before = await Promise.all(files.map((name) => readFile(join(directory, name))));
    const lost = await open();
    await lost.append(runners(5, 101));
    await lost.drained();
    await lost.close();
    // The same files with what they held before, as the card has it.
    for (const name of await logs(directory)) if (!files.includes(name)) await rm(join(directory, name));
    for (const [index, name] of files.entries()) await writeFile(join(directory, name), before[index]!);
    const rebooted = async (options: JournalOptions): Promise<Journal> => {
      const journal = await openJournal(options);
      return Object.assign(journal, { lastCommit: { ...journal.lastCommit!, boot: 'before' } });
    };
    const offline = await openOutboxWith(
      { client: await offlineClient(), directory, session: { token_session } },
      { openJournal: rebooted },
    );
    const [first] = numbers(await offline.append(runners(4, 201)));
    expect(first).toBe(14);
    await offline.close();
    const back = await open(client);
    const events = listen(back);
    await back.append(runner(300));
    await back.drained();
    expect(events.of('collision')).toEqual([]);
    const skip = events.of('numbersSkipped').at(-1);
    expect(skip).toMatchObject({ token_session, from: 14, why: { code: 'numbering_unknown' } });
    expect(skip!.to).toBeGreaterThan(18);
    const bibs = sandbox.state.passings(token_session).map(({ bib }) => Number(bib));
    expect(bibs).toEqual(
      [...runners(13), ...runners(5, 101), ...runners(4, 201), runner(300)].map(({ bib }) => Number(bib)),
    );
  });
});
