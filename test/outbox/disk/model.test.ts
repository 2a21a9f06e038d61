import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openJournal } from '../../../src/outbox/disk/open-journal.js';
import type { Entry, Journal } from '../../../src/outbox/journal.js';
import { FaultDisk } from './fault-disk.js';
import { FOLDER, handClock, passingOf } from './race.js';
import { cycles, Random, seedOf } from './random.js';

interface Known {
  readonly id: number;
  session: string;
  num: number;
}

/** What a journal is, without a disk. */
class Model {
  session = 'S0';
  pending: Known[] = [];
  delivered: Known[] = [];
  parked: Known[] = [];
  private ids = 0;
  private sessions = 0;
  private readonly next = new Map<string, number>();

  nextNumber(session = this.session): number {
    return this.next.get(session) ?? 1;
  }
  fresh(count: number): number[] {
    return Array.from({ length: count }, () => ++this.ids);
  }
  add(ids: readonly number[]): Known[] {
    const added = ids.map((id, i) => ({ id, session: this.session, num: this.nextNumber() + i }));
    this.next.set(this.session, this.nextNumber() + ids.length);
    this.pending.push(...added);
    return added;
  }
  newSession(): string {
    return `S${++this.sessions}`;
  }
  /** The first `max` pending ones, of one session. */
  head(max: number): Known[] {
    const end = this.pending.findIndex(({ session }, i) => i >= max || session !== this.pending[0]!.session);
    return this.pending.slice(0, end === -1 ? max : end);
  }
  take(count: number): Known[] {
    return this.pending.splice(0, count);
  }
  replace(to: string): void {
    for (const [i, known] of this.pending.entries()) Object.assign(known, { session: to, num: i + 1 });
    this.next.set(to, this.pending.length + 1);
    this.session = to;
  }
}

const shown = (entries: readonly Entry[]): Known[] =>
  entries.map(({ passing, token_session, num_passing }) => {
    expect(passing).toEqual(passingOf(Number(passing.bib)));
    return { id: Number(passing.bib), session: token_session, num: num_passing };
  });

type Step = readonly [name: keyof typeof steps, size: number];
interface World {
  journal: Journal;
  disk: FaultDisk;
  readonly model: Model;
  readonly reopen: () => Promise<Journal>;
  readonly random: Random;
}

const read = async ({ journal, model }: World, size: number): Promise<Entry[]> => {
  const batch = await journal.read({ max: size, maxBytes: 1e6 });
  expect(shown(batch)).toEqual(model.head(size));
  return batch;
};

const steps = {
  async append({ journal, model }: World, size: number) {
    const ids = model.fresh(size);
    const receipts = await journal.append(ids.map(passingOf), { name: 'feed', position: ids.at(-1)! });
    expect(receipts).toEqual(model.add(ids).map(({ session, num }) => ({ token_session: session, num_passing: num })));
    expect(journal.position('feed')).toBe(ids.at(-1));
  },
  async deliver(world: World, size: number) {
    const batch = await read(world, size);
    if (batch.length > 0) await world.journal.acknowledge(batch.at(-1)!);
    world.model.delivered.push(...world.model.take(batch.length));
  },
  async park(world: World, size: number) {
    const batch = await read(world, size);
    if (batch.length === 0) return;
    await world.journal.park(batch, { reason: 'session-closed', status: 404, response: 'closed' });
    world.model.parked.push(...world.model.take(batch.length));
  },
  async requeue({ journal, model }: World, size: number) {
    const chosen = model.parked.filter(({ id }) => id % size === 0).map(({ id }) => id);
    const receipts = await journal.requeue(({ passing }) => Number(passing.bib) % size === 0);
    model.parked = model.parked.filter(({ id }) => !chosen.includes(id));
    expect(receipts.map(({ num_passing }) => num_passing)).toEqual(model.add(chosen).map(({ num }) => num));
  },
  async startSession({ journal, model }: World) {
    model.session = model.newSession();
    await journal.startSession(model.session, 1, 'D');
    expect(journal.deviceid).toBe('D');
  },
  async replaceSession(world: World) {
    const { model, journal } = world;
    if (model.pending.length === 0 || model.pending.some(({ session }) => session !== model.session)) return;
    const [first] = await read(world, 1);
    const from = model.session;
    const to = model.newSession();
    await journal.replaceSession({ from, to, first: first! });
    model.replace(to);
    expect(journal.replacedBy(from)).toBe(to);
  },
  async move(world: World, size: number) {
    const { model, journal } = world;
    if (model.pending[0]?.session === model.session) return;
    const batch = await read(world, size);
    if (batch.length === 0) return;
    const receipts = await journal.move(batch);
    const moved = model.add(model.take(batch.length).map(({ id }) => id));
    expect(receipts.map(({ num_passing }) => num_passing)).toEqual(moved.map(({ num }) => num));
  },
  async close(world: World) {
    await world.journal.close();
    world.journal = await world.reopen();
    expect(world.journal.found).toEqual({ records: 0, tornBytes: 0, corruptRecords: 0 });
  },
  async kill(world: World) {
    world.disk.kill();
    world.journal = await world.reopen();
  },
  async powerCut(world: World) {
    world.disk = world.disk.powerCut(world.random);
    world.journal = await world.reopen();
  },
} as const;

async function compare({ journal, model }: World): Promise<void> {
  const { appended, delivered, parked, pending } = journal.stats();
  const [all, ...parts] = [appended, delivered, parked, pending];
  expect(parts).toEqual([model.delivered.length, model.parked.length, model.pending.length]);
  expect(all).toBe(delivered + parked + pending);
  expect(journal.session).toBe(model.session);
  expect(journal.nextNumber(model.session) ?? 1).toBe(model.nextNumber());
  const set: Known[] = [];
  for await (const entries of journal.parked()) set.push(...shown(entries));
  expect(set).toEqual(model.parked);
  const kept: Record<'delivered' | 'pending', Known[]> = { delivered: [], pending: [] };
  for await (const entries of journal.history()) {
    for (const entry of entries) kept[entry.state].push(...shown([entry]));
  }
  expect(kept.pending).toEqual(model.pending);
  expect(kept.delivered).toEqual(model.delivered);
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom<Step[0]>('append', 'deliver'), fc.integer({ min: 1, max: 25 })) },
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom(...(Object.keys(steps) as Step[0][])), fc.integer({ min: 1, max: 9 })),
  },
);

it('does what a plain model does, over any sequence of steps', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 500, max: 6_000 }),
      fc.nat(),
      async (sequence, segmentBytes, chance) => {
        const clock = handClock();
        const reopen = (): Promise<Journal> =>
          openJournal(
            { directory: FOLDER, clock, minFreeBytes: 0 },
            { disk: world.disk.disk(), segmentBytes, lock: async () => ({ release: async () => undefined }) },
          );
        const world: World = {
          disk: FaultDisk.empty(),
          model: new Model(),
          random: new Random(chance),
          reopen,
          journal: undefined as never,
        };
        world.journal = await reopen();
        await world.journal.startSession('S0');
        for (const [name, size] of sequence) {
          clock.pass(1);
          await steps[name](world, size);
          await compare(world);
        }
      },
    ),
    { numRuns: cycles(120), seed: seedOf(1_234) },
  );
});
