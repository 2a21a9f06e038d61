// Little room: a limit of a few KiB, or a volume that others fill. Full ends as soon as all is delivered, whatever happens meanwhile.
import { describe, expect, it, onTestFinished } from 'vitest';
import { RufusConfigError } from '../../../src/core/errors.js';
import { openJournal } from '../../../src/outbox/disk/open-journal.js';
import { OutboxFullError } from '../../../src/outbox/errors.js';
import type { StorageState } from '../../../src/outbox/journal.js';
import { listen, opened, runners, sandboxed, tempFolder } from '../support/rig.js';
import { FaultDisk } from './fault-disk.js';
import { passingOf, Race, S2_BEGINS } from './race.js';
import { cycles, Random, seedOf } from './random.js';

const SEED = seedOf(2_718);
const KIB = 1024;
/** All in one segment: nothing but the newest can be given up. */
const ONE_SEGMENT = 1e9;

/** The least limit that a folder without a history takes, as the error says it. */
async function least(): Promise<number> {
  const refused = await new Race(FaultDisk.empty(), { maxDiskBytes: 1 }).open().catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(RufusConfigError);
  const [, bytes] = /`maxDiskBytes` must be at least (\d+) for this folder, and is 1/.exec((refused as Error).message)!;
  return Number(bytes);
}

/** Appends lists until there is no room for another. */
async function fill(race: Race, size = 10): Promise<number> {
  for (let lists = 0; ; lists++) {
    const full = await race.append(size).then(
      () => null,
      (error: unknown) => error,
    );
    if (full === null) continue;
    expect(full).toBeInstanceOf(OutboxFullError);
    return lists;
  }
}

async function deliverAll(race: Race): Promise<void> {
  while ((await race.deliver(40)) > 0);
}

async function settled(race: Race): Promise<void> {
  await race.settle();
  expect([...race.wrong, ...race.holes()].slice(0, 5)).toEqual([]);
}

describe('a small limit', () => {
  it('that cannot work is refused, and the least that can is named', async () => {
    const bytes = await least();
    expect(bytes).toBeGreaterThan(32 * KIB);
    expect(bytes).toBeLessThan(60_000);
    await expect(new Race(FaultDisk.empty(), { maxDiskBytes: bytes - 1 }).open()).rejects.toThrow(RufusConfigError);
    const race = new Race(FaultDisk.empty(), { maxDiskBytes: bytes });
    await race.open();
    await race.append(1);
    await settled(race);
  });

  it('is the same after a restart, with all the real thing puts into the folder', async () => {
    const { client, deviceid } = await sandboxed();
    const { token_session } = await client.sessions.create({ deviceid });
    const directory = await tempFolder();
    const session = { token_session, startAt: 1 };
    const maxDiskBytes = await least();
    const options = { client, directory, session, maxDiskBytes };
    await expect(opened({ ...options, maxDiskBytes: maxDiskBytes - 1 })).rejects.toThrow(
      `\`maxDiskBytes\` must be at least ${maxDiskBytes} for this folder, and is ${maxDiskBytes - 1}.`,
    );
    let appended = 0;
    for (let restart = 0; restart < 3; restart++) {
      const outbox = await opened(options);
      const events = listen(outbox);
      for (let round = 0; round < 3; round++) {
        outbox.pause();
        const full = await (async () => {
          for (; ; appended += 10) await outbox.append(runners(10, appended + 1));
        })().catch((error: unknown) => error);
        expect(full).toBeInstanceOf(OutboxFullError);
        expect(outbox.stats().diskBytes).toBeLessThanOrEqual(maxDiskBytes);
        outbox.resume();
        await outbox.drained();
        await expect.poll(() => outbox.stats().storage).toBe('ok');
      }
      expect(events.of('storage').map(({ storage }) => storage)).toEqual(['full', 'ok', 'full', 'ok', 'full', 'ok']);
      await outbox.close();
    }
    expect(appended).toBeGreaterThan(9 * 50);
    const stored = await client.passings.listBySession(token_session, { prefetch: 0 }).toArray({ limit: 100_000 });
    expect(stored.map(({ num_passing, bib }) => [num_passing, bib])).toEqual(
      Array.from({ length: appended }, (_, n) => [n + 1, String(n + 1)]),
    );
  });

  it('grows with what the folder must remember, and a refusal leaves the folder as it is', async () => {
    const race = new Race(FaultDisk.empty(), { maxDiskBytes: await least() });
    await race.open();
    for (let i = 0; i < 200; i++) await race.journal.startSession(`a session with quite a long name, number ${i}`);
    await race.journal.startSession('S1');
    await race.append(3);
    await race.journal.close();
    await expect(race.open()).rejects.toThrow(RufusConfigError);
    const roomy = new Race(race.disk, { maxDiskBytes: 1024 * KIB });
    await roomy.open();
    expect(roomy.journal.stats()).toMatchObject({ pending: 3 });
  });

  it.each([0, 64 * KIB, 100 * KIB, 300 * KIB, 1024 * KIB])(
    'of %i bytes (0: the least) is full again and again, and never for good',
    async (limit) => {
      const maxDiskBytes = limit || (await least());
      for (const segmentBytes of [ONE_SEGMENT, Math.floor(maxDiskBytes / 8), 2_000]) {
        const states: StorageState[] = [];
        const events = { storage: (state: StorageState) => void states.push(state) };
        const race = new Race(FaultDisk.empty(), { maxDiskBytes, events }, segmentBytes);
        await race.open();
        for (let round = 0; round < 4; round++) {
          expect(await fill(race)).toBeGreaterThan(5);
          expect(race.journal.stats().storage).toBe('full');
          await deliverAll(race);
          // Without an append: it is over when there is room.
          expect(race.journal.stats().storage).toBe('ok');
          expect(race.journal.stats().diskBytes).toBeLessThanOrEqual(maxDiskBytes);
          await race.append(1);
          if (round === 1) {
            await race.journal.close();
            await race.open();
          }
        }
        expect(states.filter((state) => state === 'full')).toHaveLength(4);
        await settled(race);
      }
    },
  );

  it('is not full until the last one is delivered: what is written has segments that fit it', async () => {
    const directory = await tempFolder();
    const journal = await openJournal({ directory, maxDiskBytes: 256 * KIB, minFreeBytes: 0 });
    onTestFinished(() => journal.close());
    await journal.startSession('S1');
    const list = Array.from({ length: 10 }, (_, n) => passingOf(n + 1));
    for (;;) if ((await journal.append(list).catch(() => null)) === null) break;
    const { pending } = journal.stats();
    const batch = await journal.read({ max: pending / 2, maxBytes: 1e6 });
    await journal.acknowledge(batch.at(-1)!);
    for (let i = 0; i < pending / 40; i++) await journal.append(list);
  });

  it('takes of many appends at once as many as there is room for', async () => {
    const race = new Race(FaultDisk.empty(), { maxDiskBytes: await least() });
    await race.open();
    for (let round = 0; round < 3; round++) {
      const outcomes = await Promise.allSettled(Array.from({ length: 400 }, () => race.append(1)));
      const taken = outcomes.filter(({ status }) => status === 'fulfilled').length;
      expect(taken).toBeGreaterThan(40);
      expect(taken).toBeLessThan(400);
      await deliverAll(race);
    }
    await settled(race);
  });

  it('lets parked passings go back to the log, and forgets them when they are delivered', async () => {
    const race = new Race(FaultDisk.empty(), { maxDiskBytes: await least() }, ONE_SEGMENT);
    await race.open();
    for (let round = 0; round < 3; round++) {
      await fill(race);
      for (;;) {
        const before = race.journal.stats().pending;
        await race.park(50);
        if (race.journal.stats().pending === before) break;
      }
      // The operator's passings are kept, whatever the limit.
      await expect(race.append(10)).rejects.toThrow(OutboxFullError);
      await race.requeue();
      await deliverAll(race);
      expect(race.journal.stats()).toMatchObject({ storage: 'ok', parked: 0, pending: 0 });
    }
    await race.append(1);
    await settled(race);
  });

  it.each(['and is gone', 'and cannot be removed'])(
    'keeps all that the newest segment said besides the passings, when that is given up %s',
    async (how) => {
      const race = new Race(FaultDisk.empty(), { maxDiskBytes: 100 * KIB }, ONE_SEGMENT);
      await race.open();
      await race.append(3);
      await race.replace('S1', 'S9');
      await race.journal.startSession('S2', S2_BEGINS, 'DEVICE');
      await race.journal.leave({ session: 'S2', deviceid: 'DEVICE', alias: 'Heat 2' });
      await race.journal.setUnconfirmed('S2', 7_777);
      await race.append(2, { name: 'decoder', position: 42 });
      const segment = '/outbox/0000000000000001.log';
      if (how !== 'and is gone')
        race.disk.fault = ({ kind, path }) => (kind === 'unlink' && path === segment ? 'EIO' : undefined);
      await fill(race);
      const next = race.journal.nextNumber('S2')!;
      await deliverAll(race);
      expect(race.disk.files().includes(segment)).toBe(how !== 'and is gone');
      race.disk.fault = () => undefined;
      const { diskBytes: _, storage: __, ...stats } = race.journal.stats();
      race.disk.kill();
      await race.open();
      const { journal } = race;
      expect(journal.stats()).toMatchObject(stats);
      expect(journal).toMatchObject({ session: 'S2', deviceid: 'DEVICE', suspect: false });
      expect(journal.leaving).toEqual({ session: 'S2', deviceid: 'DEVICE', alias: 'Heat 2' });
      expect(journal.unconfirmedFrom('S2')).toBe(7_777);
      expect(journal.replacedBy('S1')).toBe('S9');
      expect(journal.position('decoder')).toBe(42);
      expect(['S1', 'S9', 'S2'].map((session) => journal.nextNumber(session))).toEqual([4, 4, next]);
      expect(journal.found).toEqual({ records: 0, tornBytes: 0, corruptRecords: 0 });
      await race.append(1);
      expect(race.promised.get(race.nextId - 1)).toEqual({ token_session: 'S2', num_passing: next });
      await settled(race);
    },
  );
});

/** What was read and then met a full disk is tried until it works, as the courier does. */
async function insist(work: () => Promise<void>): Promise<void> {
  for (let tries = 0; tries < 3; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof OutboxFullError)) throw error;
    }
  }
  throw new Error('full three times in a row');
}

/** Fills, delivers, parks, requeues and changes sessions, with the newest segment given up in between. */
async function tightDay(race: Race, attempt: (work: () => Promise<unknown>) => Promise<unknown>): Promise<void> {
  await race.open();
  const full = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) await attempt(() => race.append(70, { name: 'decoder', position: i }));
    await attempt(() => deliverAll(race));
  };
  await full();
  await full();
  await attempt(() => race.append(2));
  const batch = await race.journal.read({ max: 2, maxBytes: 1e6 });
  const why = { reason: 'rejected', status: 400, response: undefined } as const;
  if (batch.length > 0) await insist(() => race.journal.park(batch, why));
  await attempt(() => race.requeue());
  await full();
  await attempt(() => race.append(4));
  await race.journal.close();
  await race.open();
  const [first] = await race.journal.read({ max: 1, maxBytes: 1e6 });
  if (first !== undefined) await insist(() => race.journal.replaceSession({ from: 'S1', to: 'S3', first }));
  await full();
  await attempt(() => race.append(3));
}
/** A refusal for want of room is part of the day. */
const unlessFull = (work: () => Promise<unknown>): Promise<unknown> =>
  work().catch((error: unknown) => {
    if (!(error instanceof OutboxFullError)) throw error;
  });

describe('giving up the newest segment', () => {
  const options = { maxDiskBytes: 58_000 };
  async function stepsOf(segmentBytes: number): Promise<number> {
    const race = new Race(FaultDisk.empty(), options, segmentBytes);
    let renewed = 0;
    race.disk.fault = ({ kind, path }) => {
      if (kind === 'rename' && path === '/outbox/spare') renewed++;
      return undefined;
    };
    await tightDay(race, unlessFull);
    expect(renewed).toBeGreaterThan(segmentBytes === ONE_SEGMENT ? 2 : 0);
    await settled(race);
    return race.disk.steps;
  }
  async function goesOn(race: Race): Promise<string[]> {
    await race.open();
    if (race.journal.suspect) race.wrong.push('suspect');
    await race.settle();
    await race.append(3);
    race.disk = race.disk.powerCut(new Random(SEED));
    await race.open();
    await race.settle();
    if (race.journal.suspect) race.wrong.push('suspect');
    return race.damage.corruptRecords === 0 ? [...race.wrong, ...race.holes()] : race.wrong;
  }

  it('survives a power cut at every step', { timeout: 240_000 }, async () => {
    for (const segmentBytes of [ONE_SEGMENT, 6_000]) {
      const steps = await stepsOf(segmentBytes);
      for (let step = 1; step <= steps; step++) {
        for (let variant = 0; variant < cycles(1); variant++) {
          const random = new Random(SEED + step * 1_000 + variant);
          const disk = FaultDisk.empty();
          disk.cutAt = step;
          const race = new Race(disk, options, segmentBytes);
          await tightDay(race, unlessFull).catch(() => undefined);
          race.disk = disk.powerCut(random);
          expect(await goesOn(race), `step ${step} of ${steps}, variant ${variant}, seed ${SEED}`).toEqual([]);
        }
      }
      expect(steps).toBeGreaterThan(80);
    }
  });

  it.each(['ENOSPC', 'EIO'])(
    'survives %s at every step, and a power cut after it',
    { timeout: 240_000 },
    async (code) => {
      for (const segmentBytes of [ONE_SEGMENT, 6_000]) {
        const steps = await stepsOf(segmentBytes);
        for (let step = 1; step <= steps; step++) {
          const race = new Race(FaultDisk.empty(), options, segmentBytes);
          race.disk.fault = (call) => (call.step === step ? code : undefined);
          const where = `${code} at step ${step} of ${steps}, seed ${SEED}`;
          try {
            await tightDay(race, unlessFull);
          } catch (error) {
            // It could not be opened, or not begin a session.
            expect(['storage', 'outbox_full'], where).toContain((error as { code?: string }).code);
          }
          race.disk = race.disk.powerCut(new Random(SEED + step));
          expect(await goesOn(race), where).toEqual([]);
        }
      }
    },
  );

  it('survives no room at every n-th write, and ends with all of it delivered and room again', {
    timeout: 240_000,
  }, async () => {
    for (let nth = 2; nth <= 25; nth++) {
      const race = new Race(FaultDisk.empty(), options, ONE_SEGMENT);
      let writes = 0;
      const fault: FaultDisk['fault'] = ({ kind }) => (kind === 'write' && ++writes % nth === 0 ? 'ENOSPC' : undefined);
      await race.open();
      race.disk.fault = fault;
      for (let round = 0; round < 6; round++) {
        for (let i = 0; i < 15; i++) await unlessFull(() => race.append(20));
        await deliverAll(race);
      }
      race.disk.fault = () => undefined;
      await race.append(1);
      await deliverAll(race);
      expect(race.journal.stats().storage, `every ${nth}th`).toBe('ok');
      race.disk.kill();
      expect(await goesOn(race), `every ${nth}th`).toEqual([]);
    }
  });
});

describe('a volume that others fill', () => {
  async function filled(race: Race): Promise<void> {
    await race.open();
    for (let i = 0; i < 20; i++) await race.append(20);
    await deliverAll(race);
  }
  const usedBy = (race: Race): number =>
    race.disk.files().reduce((sum, path) => sum + race.disk.content(path).length, 0);

  it('to the last byte: the newest segment makes room for the next', async () => {
    const states: StorageState[] = [];
    const race = new Race(FaultDisk.empty(), { events: { storage: (state) => void states.push(state) } }, ONE_SEGMENT);
    await race.open();
    for (let round = 0; round < 5; round++) {
      race.disk.capacity = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 20; i++) await race.append(20);
      await deliverAll(race);
      race.disk.capacity = usedBy(race);
      race.clock.pass(2_000);
      await race.append(10);
      expect(usedBy(race)).toBeLessThan(race.disk.capacity / 2);
      await fill(race);
      await deliverAll(race);
      expect(race.journal.stats().storage).toBe('ok');
    }
    await settled(race);
    expect(states.filter((state) => state === 'full')).toHaveLength(5);
  });

  it('to the last byte, when the outbox was opened with none: as soon as there is room for a header', async () => {
    const race = new Race(FaultDisk.empty(), {}, ONE_SEGMENT);
    await filled(race);
    await race.journal.close();
    race.disk.remove('/outbox/spare');
    race.disk.capacity = usedBy(race);
    await race.open();
    await expect(race.append(1)).rejects.toThrow(OutboxFullError);
    race.disk.capacity += KIB;
    race.clock.pass(2_000);
    await race.append(10);
    expect(usedBy(race)).toBeLessThan(40 * KIB);
    await settled(race);
  });

  it('below minFreeBytes: gives up what is delivered where that helps, and keeps it where it does not', async () => {
    for (const [helps, segmentBytes] of [
      [true, ONE_SEGMENT],
      [true, 4_000],
      [false, ONE_SEGMENT],
      [false, 4_000],
    ] as const) {
      const minFreeBytes = helps ? 50_000 : 500_000;
      const race = new Race(FaultDisk.empty(), { minFreeBytes }, segmentBytes);
      await filled(race);
      const before = race.disk.files();
      race.disk.capacity = usedBy(race) + 20_000;
      race.clock.pass(2_000);
      if (helps) await race.append(1);
      else await expect(race.append(1)).rejects.toThrow(/minFreeBytes/);
      if (helps) expect(race.disk.capacity - usedBy(race)).toBeGreaterThanOrEqual(minFreeBytes);
      else expect(race.disk.files()).toEqual(before);
      race.disk.capacity = Number.POSITIVE_INFINITY;
      await settled(race);
    }
  });
});
