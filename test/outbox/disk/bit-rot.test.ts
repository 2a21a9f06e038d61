import { describe, expect, it } from 'vitest';
import { FaultDisk } from './fault-disk.js';
import { passingOf, Race } from './race.js';
import { cycles, Random, seedOf } from './random.js';

const SEED = seedOf(815);
const FLIPS = cycles(400);

/** A passing that comes after the damage. */
const FRESH = 10_000;

/** A folder with a few hundred passings in it, all of them durable. */
async function filled(segmentBytes: number): Promise<Race> {
  const race = new Race(FaultDisk.empty(), {}, segmentBytes);
  await race.open();
  for (let i = 0; i < 12; i++) await Promise.all([race.append(9), race.append(1), race.append(3)]);
  return race;
}

/** Which passings the lines hold that a flip at this offset touches: two, if it joins one line to the next. */
function touched(content: Buffer, offset: number): number[] {
  const begin = content.lastIndexOf(10, offset - 1) + 1;
  let end = content.indexOf(10, offset);
  if (end === offset) end = content.indexOf(10, offset + 1);
  const text = content.subarray(begin, end === -1 ? content.length : end).toString();
  return [...text.matchAll(/"bib":"(\d+)"/g)].map(([, bib]) => Number(bib));
}

async function readAll(race: Race): Promise<Set<number>> {
  const found = new Set<number>();
  for (;;) {
    const batch = await race.journal.read({ max: 100, maxBytes: 1e6 });
    if (batch.length === 0) return found;
    for (const { passing } of batch) {
      const id = Number(passing.bib);
      expect(passing).toEqual(passingOf(id));
      expect(found.has(id)).toBe(false);
      found.add(id);
    }
  }
}

async function flipOne(snapshot: FaultDisk, path: string, random: Random, all: ReadonlySet<number>): Promise<void> {
  const race = new Race(snapshot, {}, 20_000);
  const content = snapshot.content(path);
  race.nextId = FRESH;
  const offset = random.int(content.length);
  const flipped = Buffer.from(content);
  flipped[offset]! ^= 1 << random.int(8);
  snapshot.put(path, flipped);
  await race.open();
  const where = `seed ${random.seed}, ${path}, offset ${offset}`;
  const damaged = touched(content, offset);
  await race.append(1);
  const found = await readAll(race);
  expect([...found], where).toEqual([...all, FRESH].filter((id) => !damaged.includes(id)));
  // The number of the passing that went bad is not given again.
  expect(race.promised.get(FRESH)?.num_passing, where).toBe(all.size + 1);
  const { appended, pending } = race.journal.stats();
  expect(pending, where).toBe(all.size - damaged.length + 1);
  expect(appended, where).toBe(pending);
  if (damaged.length > 0) expect(race.damage.corruptRecords, where).toBe(damaged.length);
  await race.journal.close();
}

describe('one bit flipped in what was synced', () => {
  it('costs only the lines it touches after a clean stop, and is reported', { timeout: 600_000 }, async () => {
    const race = await filled(1e9);
    await race.journal.close();
    const all = new Set(race.promised.keys());
    const random = new Random(SEED);
    const path = race.disk.files().find((file) => /\d\.log$/.test(file))!;
    for (let i = 0; i < FLIPS; i++) await flipOne(race.disk.snapshot(), path, random, all);
  });

  it('costs at most the list it touches after a crash, if that list was the last', { timeout: 600_000 }, async () => {
    const filledRace = await filled(1e9);
    filledRace.disk.kill();
    const random = new Random(SEED + 2);
    const path = filledRace.disk.files().find((file) => /\d\.log$/.test(file))!;
    const content = filledRace.disk.content(path);
    for (let i = 0; i < FLIPS; i++) {
      const race = new Race(filledRace.disk.snapshot(), {}, 1e9);
      const offset = random.int(content.length);
      const flipped = Buffer.from(content);
      flipped[offset]! ^= 1 << random.int(8);
      race.disk.put(path, flipped);
      await race.open();
      const found = await readAll(race);
      const damaged = touched(content, offset);
      const where = `seed ${random.seed}, offset ${offset}`;
      for (const list of filledRace.asked) {
        if (!list.some((id) => damaged.includes(id)))
          expect(
            list.every((id) => found.has(id)),
            where,
          ).toBe(true);
      }
      expect(
        damaged.some((id) => found.has(id)),
        where,
      ).toBe(false);
      if (damaged.length > 0) expect(race.damage.corruptRecords + race.damage.tornBytes, where).toBeGreaterThan(0);
      await race.journal.close();
    }
  });

  it.each(['a clean stop', 'a crash'])('in a list of parked/ costs that passing alone, after %s', async (end) => {
    const filledRace = new Race(FaultDisk.empty());
    await filledRace.open();
    await filledRace.append(5);
    const batch = await filledRace.journal.read({ max: 4, maxBytes: 1e6 });
    await filledRace.journal.park(batch, { reason: 'session-closed', status: 404, response: undefined });
    if (end === 'a crash') filledRace.disk.kill();
    else await filledRace.journal.close();
    const path = filledRace.disk.files().find((file) => /parked\/\d+\.log$/.test(file))!;
    const content = filledRace.disk.content(path);
    for (const bib of [1, 2, 3, 4]) {
      const race = new Race(filledRace.disk.snapshot());
      const flipped = Buffer.from(content);
      flipped[flipped.indexOf(`"bib":"${bib}"`) + 8]! ^= 1;
      race.disk.put(path, flipped);
      await race.open();
      const parked: string[] = [];
      for await (const entries of race.journal.parked()) parked.push(...entries.map(({ passing }) => passing.bib));
      expect(parked).toEqual(['1', '2', '3', '4'].filter((each) => each !== String(bib)));
      expect(race.damage).toEqual({ tornBytes: 0, corruptRecords: 1 });
      expect(race.journal.stats()).toMatchObject({ parked: 3, pending: 1 });
      await race.journal.close();
    }
  });

  it('in the very last line after a crash: its number is not given again', async () => {
    const race = await filled(1e9);
    await race.append(1);
    race.disk.kill();
    const path = race.disk.files().find((file) => /\d\.log$/.test(file))!;
    const content = race.disk.content(path);
    content[content.length - 20]! ^= 1;
    race.disk.put(path, content);
    await race.open();
    expect(race.damage).toEqual({ tornBytes: 0, corruptRecords: 1 });
    const last = Math.max(...[...race.promised.values()].map(({ num_passing }) => num_passing));
    race.nextId = FRESH;
    await race.append(1);
    expect(race.promised.get(FRESH)?.num_passing).toBe(last + 1);
  });

  it('is counted once, and known after a restart without looking again', async () => {
    const race = await filled(3_000);
    const path = race.disk.files().filter((file) => /\d\.log$/.test(file))[2]!;
    const content = race.disk.content(path);
    const offset = content.indexOf('"bib"', 1_500);
    content[offset]! ^= 1;
    race.disk.put(path, content);
    const all = race.promised.size;
    await readAll(race);
    expect(race.damage.corruptRecords).toBe(1);
    for (let i = 0; i < 20; i++) await race.append(1);
    race.disk.kill();
    await race.open();
    expect(race.journal.stats()).toMatchObject({ pending: all + 19, appended: all + 19 });
    expect((await readAll(race)).size).toBe(all + 19);
    expect(race.damage.corruptRecords).toBe(1);
    await race.settle();
  });

  it('costs only the lines it touches in segments that opening does not read', { timeout: 600_000 }, async () => {
    const race = await filled(3_000);
    const paths = race.disk.files().filter((file) => /\d\.log$/.test(file));
    expect(paths.length).toBeGreaterThan(5);
    race.disk.kill();
    const all = new Set(race.promised.keys());
    const random = new Random(SEED + 1);
    for (let i = 0; i < FLIPS; i++) {
      await flipOne(race.disk.snapshot(), random.pick(paths.slice(0, -1)), random, all);
    }
  });
});
