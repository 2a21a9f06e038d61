import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { cp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RufusConfigError } from '../../src/index.js';
import { encodeLine } from '../../src/outbox/disk/codec.js';
import { openJournal } from '../../src/outbox/disk/open-journal.js';
import { StorageError } from '../../src/outbox/errors.js';
import type { Journal } from '../../src/outbox/journal.js';
import { type OutboxReading, readOutbox, readOutboxWith } from '../../src/outbox/reading.js';
import { fingerprint } from '../support/fingerprint.js';
import { passingOf } from './disk/race.js';
import { Random } from './disk/random.js';
import { all, tempFolder } from './support/rig.js';

const why = { reason: 'rejected', status: 400, response: 'no such bib' } as const;
const SEGMENT = 3_000;

const journalIn = (directory: string, segmentBytes = SEGMENT): Promise<Journal> =>
  openJournal({ directory, minFreeBytes: 0, durability: 'os' }, { segmentBytes });

const list = (first: number, count: number) => Array.from({ length: count }, (_, index) => passingOf(first + index));
const batchOf = (journal: Journal, max: number) => journal.read({ max, maxBytes: 1e6 });

async function reading(directory: string): Promise<OutboxReading> {
  const read = await readOutbox(directory);
  onTestFinished(() => read.close());
  return read;
}

/** A folder in which everything has happened: delivered, parked, requeued, replaced, pending, over several segments. */
async function lived(random: Random, steps = 60): Promise<string> {
  const directory = await tempFolder();
  const journal = await journalIn(directory);
  await journal.startSession('S1', 1, 'D1');
  let next = 1;
  for (let step = 0; step < steps; step++) {
    const count = 1 + random.int(8);
    if (random.chance(0.5)) await journal.append(list(next, count)).then(() => (next += count));
    const dice = random.int(10);
    if (dice < 4) {
      const batch = await batchOf(journal, 1 + random.int(12));
      if (batch.length > 0) await journal.acknowledge(batch.at(-1)!, { inserted: batch.length, requests: 1 });
    } else if (dice === 4) {
      const batch = await batchOf(journal, 2);
      if (batch.length > 0) await journal.park(batch, why);
    } else if (dice === 5) await journal.requeue(({ seq }) => seq % 2 === 0);
    else if (dice === 6 && step % 5 === 0) {
      const [first] = await batchOf(journal, 1);
      const from = first?.token_session ?? journal.session!;
      if (from === journal.session) await journal.replaceSession({ from, to: `S-${step}`, first: first ?? null });
    }
  }
  await journal.append(list(next, 3));
  await journal.close();
  return directory;
}

/** What opening the outbox finds, on a copy. */
async function asOpened(directory: string) {
  const copy = await tempFolder();
  await cp(directory, copy, { recursive: true, filter: (path) => !/\/lock/.test(path), preserveTimestamps: true });
  const journal = await openJournal(
    { directory: copy, minFreeBytes: 0, retain: { hours: Number.POSITIVE_INFINITY } },
    { segmentBytes: SEGMENT },
  );
  const { storage, diskBytes, oldestPendingAt, lastDeliveredAt, tallies, ...counts } = journal.stats();
  const parked = (await all(journal.parked())).flat().map(({ seq, at, bytes, ...rest }) => rest);
  const history = (await all(journal.history())).flat();
  const kept = history.map(({ token_session, num_passing, passing, state }) => ({
    token_session,
    num_passing,
    passing,
    state,
  }));
  const found = journal.found;
  await journal.close();
  return { found, parked, kept, stats: { ...counts, ...tallies, lastDeliveredAt: isoOf(lastDeliveredAt) } };
}

const isoOf = (at: number | null) => at && new Date(at).toISOString();

async function asRead(directory: string) {
  const before = fingerprint(directory);
  const read = await reading(directory);
  const { state, storage, diskBytes, oldestPendingAgeMs, lastError, ...stats } = read.stats();
  const result = { found: read.recovered, parked: await all(read.parked()), kept: await all(read.passings()), stats };
  const damage = await read.verify();
  await read.close();
  expect(fingerprint(directory)).toEqual(before);
  return { ...result, damage };
}

describe('a segment that another one follows', () => {
  /** Two segments, each with a list of 12; with what was done to the first one. */
  async function changed(change: (lines: string[]) => string[]) {
    const directory = await tempFolder();
    const journal = await journalIn(directory, 1_000);
    await journal.startSession('S1');
    await journal.append(list(1, 12));
    await journal.append(list(13, 12));
    await journal.close();
    const [first = '', second = ''] = (await readdir(directory)).filter((name) => /^\d+\.log$/.test(name)).sort();
    const lines = change((await readFile(join(directory, first), 'utf8')).trimEnd().split('\n'));
    await writeFile(join(directory, first), `${lines.join('\n')}\n`);
    return { directory, first, second };
  }

  it('counts each passing of its last list: the others were synced', async () => {
    const { directory, first } = await changed((lines) => [...lines.slice(0, -2), 'x', lines.at(-1)!]);
    // Nothing but the segment behind it says so.
    for (const name of ['ack.dat', 'high-water.dat']) await rm(join(directory, name));
    const damage = await (await reading(directory)).verify();
    expect(damage).toMatchObject([{ file: 'ack.dat' }, { file: first, passings: 1, numbers: { first: 11, last: 11 } }]);
  });

  it('does not count what was written again in the next one', async () => {
    const record = { t: 'p', session: 'S1', num: 900, at: 1, mono: 1e9, passing: passingOf(13) };
    const { directory, second } = await changed((lines) => [
      ...lines,
      encodeLine(13, JSON.stringify(record)).trimEnd(),
    ]);
    // Without the header of the newest segment, all of the log is read.
    const path = join(directory, second);
    await writeFile(path, (await readFile(path, 'utf8')).replace(/^./, 'x'));
    const journal = await journalIn(directory);
    onTestFinished(() => journal.close());
    expect(journal.nextNumber('S1')).toBe(25);
  });
});

describe('a folder that is read', () => {
  it.each([1, 2, 3, 4, 5])('says what its outbox would say (seed %i)', async (seed) => {
    const directory = await lived(new Random(seed));
    const { damage, ...read } = await asRead(directory);
    expect(damage).toEqual([]);
    expect(read).toEqual(await asOpened(directory));
    expect(read.stats.appended).toBeGreaterThan(50);
  });

  it('has the fields of `stats`, from the files alone', async () => {
    const directory = await tempFolder();
    const token = 'A0B1C2D3'.repeat(10);
    const journal = await journalIn(directory);
    await journal.startSession(token);
    await journal.append(list(1, 10));
    const batch = await batchOf(journal, 4);
    await journal.acknowledge(batch.at(-1)!, { inserted: 3, duplicates: 1, requests: 2, retries: 1 });
    const held = (await reading(directory)).stats();
    expect(held).toMatchObject({
      state: process.platform === 'linux' ? 'sending' : 'closed',
      storage: 'ok',
      appended: 10,
    });
    await journal.close();
    const read = await reading(directory);
    const stats = read.stats();
    expect(stats.token_session).toBe(token);
    const { oldestPendingAgeMs, lastDeliveredAt, diskBytes, ...rest } = JSON.parse(JSON.stringify(stats));
    expect(rest).toEqual({
      state: 'closed',
      storage: 'ok',
      token_session: 'A0B1C2D3…',
      appended: 10,
      delivered: 4,
      parked: 0,
      pending: 6,
      inserted: 3,
      duplicates: 1,
      requests: 2,
      retries: 1,
      lastError: null,
    });
    expect(oldestPendingAgeMs).toBeGreaterThanOrEqual(0);
    expect(Date.parse(lastDeliveredAt)).toBeGreaterThan(Date.now() - 60_000);
    expect(diskBytes).toBeGreaterThan(8_192);
    expect(inspect(read, { depth: 9, showHidden: true })).not.toContain(token);
  });

  it('is as it was when it was read, whatever becomes of its files', async () => {
    const directory = await lived(new Random(7));
    const read = await reading(directory);
    const expected = {
      kept: await all(read.passings()),
      parked: await all(read.parked()),
      stats: read.stats().appended,
    };
    const journal = await journalIn(directory);
    await journal.append(list(1_000, 40));
    for (let batch = await batchOf(journal, 9); batch.length > 0; batch = await batchOf(journal, 9)) {
      await journal.acknowledge(batch.at(-1)!);
    }
    await journal.requeue(() => true);
    await journal.close();
    for (const name of await readdir(join(directory, 'delivered'))) await rm(join(directory, 'delivered', name));
    expect({
      kept: await all(read.passings()),
      parked: await all(read.parked()),
      stats: read.stats().appended,
    }).toEqual(expected);
  });

  it('is exported as an outbox exports', async () => {
    const directory = await lived(new Random(3));
    const read = await reading(directory);
    const file = join(await tempFolder(), 'backup.jsonl');
    const kept = await all(read.passings());
    expect(await read.exportTo(file)).toBe(kept.length);
    const rows = (await readFile(file, 'utf8')).trimEnd().split('\n');
    expect(rows.map((row) => JSON.parse(row).num_passing)).toEqual(kept.map(({ num_passing }) => num_passing));
    await read.exportTo(file, { format: 'csv' });
    expect(await readFile(file, 'utf8')).toMatch(/^__typename,timestamp,num_passing,/);
  });

  it('needs no session', async () => {
    const directory = await tempFolder();
    await (await journalIn(directory)).close();
    const read = await reading(directory);
    expect(read.stats()).toMatchObject({ token_session: '', appended: 0, pending: 0 });
    expect(await all(read.passings())).toEqual([]);
    expect(await read.verify()).toEqual([]);
  });

  it('that is none, or not there, is a StorageError that names it', async () => {
    const directory = await tempFolder();
    const outbox = await lived(new Random(1));
    await writeFile(join(directory, '0000000000000001.log'), 'not ours\n');
    const failures = await Promise.all(
      [directory, join(directory, 'none'), join(directory, '0000000000000001.log'), join(outbox, 'parked')].map(
        (path) => readOutbox(path).catch((error: unknown) => error),
      ),
    );
    const messages = failures.map((error) => (error instanceof StorageError ? error.message : error));
    expect(messages).toEqual([
      expect.stringMatching(/is no outbox folder/),
      expect.stringMatching(/cannot be read: ENOENT/),
      expect.stringMatching(/cannot be read: ENOTDIR/),
      expect.stringMatching(/is no outbox folder/),
    ]);
    await expect(readOutbox('')).rejects.toThrow(RufusConfigError);
  });

  it('of a newer version is refused', async () => {
    const directory = await tempFolder();
    const journal = await journalIn(directory);
    await journal.startSession('S1');
    await journal.close();
    const [name] = (await readdir(directory)).filter((each) => each.endsWith('.log'));
    await writeFile(join(directory, name!), encodeLine(1, '{"t":"h","v":2,"at":1,"mono":1}'));
    await expect(readOutbox(directory)).rejects.toThrow(/written in format 2 by a newer version/);
  });
});

describe('while its outbox writes', () => {
  interface Promised {
    readonly appended: number;
    readonly delivered: number;
    readonly stats?: { readonly appended: number; readonly delivered: number; readonly parked: number };
  }

  /** Reads over and over while another process writes, and hands each reading over. */
  async function watched(maxBytes: number, look: (read: OutboxReading, least: Promised) => Promise<void>) {
    const directory = await tempFolder();
    const child = fork(
      fileURLToPath(new URL('support/busy-process.ts', import.meta.url)),
      [directory, String(maxBytes)],
      {
        execArgv: ['--import', 'tsx'],
      },
    );
    onTestFinished(() => void child.kill('SIGKILL'));
    let promised: Promised = { appended: 0, delivered: 0 };
    child.on('message', (message) => {
      promised = message as Promised;
    });
    await once(child, 'message');
    let readings = 0;
    for (const end = Date.now() + 2_000; Date.now() < end || readings < 8; readings++) {
      await setImmediate();
      const least = promised;
      const read = await readOutbox(directory);
      const { appended, delivered, parked, pending } = read.stats();
      expect(appended).toBe(delivered + parked + pending);
      expect(appended).toBeGreaterThanOrEqual(least.appended);
      expect(delivered).toBeGreaterThanOrEqual(least.delivered);
      expect(read.recovered).toMatchObject({ tornBytes: 0, corruptRecords: 0 });
      await look(read, least);
      await read.close();
    }
    child.send('stop');
    await once(child, 'exit');
    expect(promised.stats?.appended).toBeGreaterThan(1_000);
    const { appended, delivered, parked } = (await reading(directory)).stats();
    expect({ appended, delivered, parked }).toMatchObject({
      appended: promised.stats!.appended,
      parked: promised.stats!.parked,
    });
    expect(delivered).toBe(promised.stats!.delivered);
  }

  /** The folder's files by name. */
  function filesOf(directory: string): Map<string, Buffer> {
    const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.(log|dat)$/.test(name),
    );
    return new Map(names.map((name) => [name, readFileSync(join(directory, name))]));
  }

  type Step = (journal: Journal) => Promise<unknown>;
  const acknowledge: Step = async (journal) => journal.acknowledge((await batchOf(journal, 10)).at(-1)!);
  const park: Step = async (journal) => journal.park(await batchOf(journal, 3), why);
  /** What is done, and which files it writes, in that order. */
  const STEPS: readonly (readonly [string, Step, readonly RegExp[]])[] = [
    ['append', (journal) => journal.append(list(41, 2)), [/^0.*log$/, /^high-water/]],
    [
      'append into a new segment',
      (journal) => journal.append(list(41, 20)).then(() => journal.append(list(61, 1))),
      [/^0.*log$/, /^high-water/],
    ],
    ['acknowledge', acknowledge, [/^ack/, /^0.*log$/, /^delivered/]],
    ['park', park, [/^parked/, /^ack/]],
    ['requeue', (journal) => journal.requeue(() => true), [/^0.*log$/, /^parked/]],
  ];
  /** Before which steps of the looks, five each, the first file and the others are written. */
  const MOMENTS = Array.from({ length: 10 }, (_, first) =>
    [0, 1, 2, 5].map((more) => [first, first + more] as const),
  ).flat();

  it.each(STEPS)('%s between any two steps: as it was before, or as it is then', async (_, step, order) => {
    const directory = await tempFolder();
    const journal = await journalIn(directory, 1_500);
    await journal.startSession('S1');
    for (let first = 1; first <= 40; first += 5) await journal.append(list(first, 5));
    await acknowledge(journal);
    await park(journal);
    await journal.close();
    const before = filesOf(directory);
    const next = await journalIn(directory, 1_500);
    await step(next);
    const { appended } = next.stats();
    await next.close();
    const after = filesOf(directory);
    const changed = [...new Set([...before.keys(), ...after.keys()])].filter((name) => {
      const [a, b] = [before.get(name), after.get(name)];
      return a === undefined || b === undefined || !a.equals(b);
    });
    const put = (name: string, bytes: Buffer | undefined) => {
      const path = join(directory, name);
      if (bytes === undefined) rmSync(path, { force: true });
      else writeFileSync(path, bytes, { flag: existsSync(path) ? 'r+' : 'w' });
      if (bytes !== undefined) truncateSync(path, bytes.length);
    };
    for (const moments of MOMENTS) {
      for (const name of changed) put(name, before.get(name));
      let steps = 0;
      const read = await readOutboxWith(directory, {
        between() {
          for (const [index, pattern] of order.entries()) {
            if (moments[Math.min(index, 1)] !== steps) continue;
            for (const name of changed) if (pattern.test(name)) put(name, after.get(name));
          }
          steps++;
        },
      });
      const stats = read.stats();
      const ids = [...(await all(read.passings())), ...(await all(read.parked()))].map(({ passing }) =>
        Number(passing.bib),
      );
      const where = `${changed.join()} at ${moments.join()}`;
      expect([40, appended], where).toContain(stats.appended);
      expect(
        ids.sort((a, b) => a - b),
        where,
      ).toEqual(Array.from({ length: stats.appended }, (_, index) => index + 1));
      expect(read.recovered, where).toMatchObject({ tornBytes: 0, corruptRecords: 0 });
      await read.close();
    }
  });

  it('each passing is in each reading once: delivered, pending or parked', async () => {
    await watched(Number.POSITIVE_INFINITY, async (read) => {
      const { appended, delivered, parked, pending } = read.stats();
      const kept = await all(read.passings());
      const aside = await all(read.parked());
      const ids = [...kept, ...aside].map(({ passing }) => Number(passing.bib)).sort((a, b) => a - b);
      expect(ids.length).toBe(appended);
      expect(ids.every((id, index) => id === index + 1)).toBe(true);
      expect(aside.length).toBe(parked);
      const states = kept.map(({ state }) => state);
      expect(states.filter((state) => state === 'pending').length).toBe(pending);
      expect(states.filter((state) => state === 'delivered').length).toBe(delivered);
      expect(await read.verify()).toEqual([]);
    });
  }, 30_000);

  it('no figure is wrong while segments are given up', async () => {
    let before = { appended: 0, delivered: 0 };
    await watched(20_000, async (read) => {
      const { appended, delivered } = read.stats();
      expect(appended).toBeGreaterThanOrEqual(before.appended);
      expect(delivered).toBeGreaterThanOrEqual(before.delivered);
      before = { appended, delivered };
      if (delivered % 2 === 0) expect(await read.verify()).toEqual([]);
    });
  }, 30_000);

  it('a write that is under way is not taken for one that was cut short', async () => {
    const directory = await tempFolder();
    const journal = await journalIn(directory);
    await journal.startSession('S1');
    await journal.append(list(1, 5));
    await journal.close();
    const [name] = (await readdir(directory)).filter((each) => each.endsWith('.log'));
    const path = join(directory, name!);
    const whole = await readFile(path);
    // The last list, in two writes; what vouches for it is written behind them.
    await rm(join(directory, 'high-water.dat'));
    await rm(join(directory, 'ack.dat'));
    await truncate(path, whole.length - 300);
    const file = await open(path, 'r+');
    const pending = readOutbox(directory);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await file.write(whole.subarray(-300), 0, 300, whole.length - 300);
    await file.close();
    const read = await pending;
    expect([read.recovered.tornBytes, read.recovered.corruptRecords]).toEqual([0, 0]);
    expect(read.stats().appended).toBe(5);
    await read.close();
  });
});

describe('a damaged folder', () => {
  /** 31 passings of S1, numbered from 101 on: 10 delivered, 21 pending; a segment each 10. */
  async function plain(): Promise<string> {
    const directory = await tempFolder();
    const journal = await journalIn(directory, 1_500);
    await journal.startSession('S1', 101);
    for (let first = 1; first <= 30; first += 5) await journal.append(list(first, 5));
    for (let left = 10; left > 0; left -= 5) await journal.acknowledge((await batchOf(journal, 5)).at(-1)!);
    await journal.append(list(31, 1));
    await journal.close();
    return directory;
  }

  /** Changes the bytes of the line that holds this bib, and says where it stood. */
  async function spoil(directory: string, bib: number, lines = 1) {
    const names = (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.log'));
    for (const file of names) {
      const path = join(directory, file);
      const bytes = await readFile(path);
      const at = bytes.indexOf(`"bib":"${bib}"`);
      if (at === -1) continue;
      const from = bytes.lastIndexOf('\n', at) + 1;
      let to = from;
      for (let count = 0; count < lines; count++) {
        bytes[to + 30]! ^= 1;
        to = bytes.indexOf('\n', to) + 1;
      }
      await writeFile(path, bytes);
      return { file, from, to };
    }
    throw new Error(`no line of ${bib}`);
  }

  const verified = async (directory: string) => (await asRead(directory)).damage;

  it('in the middle: where, how many, which numbers, between which times', async () => {
    const directory = await plain();
    const where = await spoil(directory, 17, 2);
    const [damage, ...others] = await verified(directory);
    expect(others).toEqual([]);
    expect(damage).toMatchObject({ ...where, kind: 'corrupt', passings: 2, undelivered: 2 });
    expect(damage!.numbers).toEqual({ token_session: 'S1', first: 117, last: 118 });
    const { appendedAfter, appendedBefore } = damage!;
    expect(Date.parse(appendedAfter!)).toBeLessThanOrEqual(Date.parse(appendedBefore!));
  });

  it('in the backup: nothing is lost', async () => {
    const directory = await plain();
    const where = await spoil(directory, 3);
    expect(where.file).toContain('delivered');
    expect(await verified(directory)).toMatchObject([{ ...where, kind: 'corrupt', passings: 1, undelivered: 0 }]);
  });

  it('at the end: the last passing, which was vouched for; and a write that never was', async () => {
    const directory = await plain();
    const where = await spoil(directory, 31);
    expect(await verified(directory)).toMatchObject([
      {
        ...where,
        kind: 'corrupt',
        passings: 1,
        undelivered: 1,
        numbers: { first: 131, last: 131 },
        appendedBefore: null,
      },
    ]);

    const torn = await plain();
    const [name] = (await readdir(torn)).filter((each) => each.endsWith('.log')).slice(-1);
    const { length } = await readFile(join(torn, name!));
    await writeFile(join(torn, name!), 'deadbeef 32 {"t":"p","ses', { flag: 'a' });
    expect(await verified(torn)).toMatchObject([
      { file: name, from: length, to: length + 25, kind: 'torn', passings: 0, undelivered: 0 },
    ]);
  });

  it('a segment that is gone, a header, ack.dat', async () => {
    const directory = await plain();
    const names = (await readdir(directory)).filter((each) => each.endsWith('.log'));
    const gone = names[1]!;
    const { length } = await readFile(join(directory, names[0]!));
    await rm(join(directory, gone));
    expect(await verified(directory)).toMatchObject([
      { file: names[0], from: length, to: length, kind: 'missing', passings: 10, undelivered: 10 },
    ]);

    const headless = await plain();
    const bytes = await readFile(join(headless, gone));
    bytes[20]! ^= 1;
    await writeFile(join(headless, gone), bytes);
    const to = bytes.indexOf('\n') + 1;
    expect(await verified(headless)).toMatchObject([{ file: gone, from: 0, to, kind: 'corrupt', passings: 0 }]);

    await rm(join(headless, 'ack.dat'));
    expect(await verified(headless)).toMatchObject([{ file: 'ack.dat', kind: 'missing', passings: 0 }, { file: gone }]);
    await writeFile(join(headless, 'ack.dat'), Buffer.alloc(8_192, 'x'));
    expect(await verified(headless)).toMatchObject([{ file: 'ack.dat', to: 8_192, kind: 'corrupt' }, { file: gone }]);
  });

  it('a parked passing', async () => {
    const directory = await plain();
    const journal = await journalIn(directory);
    await journal.park(await batchOf(journal, 3), why);
    await journal.park(await batchOf(journal, 1), why);
    await journal.close();
    const bytes = await readFile(join(directory, 'parked', '0000000000000001.log'));
    const at = bytes.indexOf('"bib":"12"');
    bytes[at + 7]! ^= 1;
    await writeFile(join(directory, 'parked', '0000000000000001.log'), bytes);
    expect(await verified(directory)).toMatchObject([
      { file: 'parked/0000000000000001.log', kind: 'corrupt', passings: 1, undelivered: 1 },
    ]);
  });

  const WAYS = ['cut', 'zeros', 'garbage', 'flip', 'hole', 'gone'] as const;

  async function ruin(directory: string, random: Random): Promise<string> {
    const names = (await readdir(directory, { recursive: true })).filter((name) =>
      /ack\.dat|high-water\.dat|\.log$/.test(name),
    );
    const name = names[random.int(names.length)]!;
    const path = join(directory, name);
    const bytes = await readFile(path);
    const at = random.int(bytes.length);
    const how = WAYS[random.int(WAYS.length)]!;
    if (how === 'gone') await rm(path);
    else if (how === 'cut') await truncate(path, at);
    else {
      if (how === 'zeros') bytes.fill(0, at);
      else if (how === 'garbage') bytes.fill(0xa5, at);
      else if (how === 'hole') bytes.fill(0, at, at + 400);
      else bytes[at]! ^= 1 << random.int(8);
      await writeFile(path, bytes);
    }
    return `${how} ${name} at ${at} of ${bytes.length}`;
  }

  it('ruined at random is read as its outbox would open it, and stays as it is', async () => {
    const seed = Number(process.env.DAMAGE_SEED ?? 11);
    const random = new Random(seed);
    for (let round = 0; round < 60; round++) {
      const directory = await lived(random, 30);
      const ruins = [await ruin(directory, random)];
      if (random.chance(0.4)) ruins.push(await ruin(directory, random));
      const where = `DAMAGE_SEED=${seed}, round ${round}: ${ruins.join(', ')}`;
      const { damage, ...read } = await asRead(directory);
      const opened = await asOpened(directory);
      expect(read, where).toEqual(opened);
      const { tornBytes, corruptRecords } = opened.found;
      if (tornBytes + corruptRecords > 0) expect(damage.length, where).toBeGreaterThan(0);
      for (const { from, to, passings, undelivered } of damage) {
        expect(from, where).toBeLessThanOrEqual(to);
        expect(undelivered, where).toBeLessThanOrEqual(passings);
      }
    }
  }, 120_000);
});
