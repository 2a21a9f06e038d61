import { describe, expect, it } from 'vitest';
import type { JournalOptions } from '../../../src/outbox/journal.js';
import { FaultDisk } from './fault-disk.js';
import { Race, S2_BEGINS } from './race.js';
import { cycles, Random, seedOf } from './random.js';

const SEED = seedOf(20_250_601);
/** Power cuts tried at each step: what survives differs from one to the next. */
const VARIANTS = cycles(2);

/** A race day in small: several segments, all that a journal can do, some of it at once. */
async function raceDay(race: Race): Promise<void> {
  await race.open();
  await Promise.all([race.append(1), race.append(5), race.append(1, { name: 'decoder', position: 7 })]);
  await race.deliver(3);
  await Promise.all([race.append(12), race.append(1), race.deliver(4), race.append(2)]);
  await race.park(2);
  await Promise.all([race.append(9), race.append(9), race.append(1)]);
  await race.deliver(6);
  await race.requeue();
  await race.append(20);
  while ((await race.deliver(40)) > 0);
  await race.journal.startSession('S2', S2_BEGINS);
  await Promise.all([race.append(4), race.append(4)]);
  await race.deliver(4);
  await race.replace('S2', 'S3');
  await Promise.all([race.append(6), race.deliver(5)]);
  await race.park(3);
  await race.append(3);
  while ((await race.deliver(40)) > 0);
  await race.append(4);
  await race.journal.startSession('S4');
  await race.append(4);
  await race.move(2);
  await race.journal.close();
  await race.open();
  await Promise.all([race.append(3), race.deliver(2)]);
  await race.requeue((id) => id % 2 === 0);
  await race.append(2);
  await race.requeue();
  while ((await race.deliver(9)) > 0);
  await race.append(12);
  await race.deliver(12);
  await race.journal.close();
  await race.open();
  await race.append(1);
}

async function stepsOf(options: Partial<JournalOptions>, segmentBytes?: number): Promise<number> {
  const race = new Race(FaultDisk.empty(), options, segmentBytes);
  await raceDay(race);
  await race.settle();
  expect(race.wrong).toEqual([]);
  return race.disk.steps;
}

interface Outcome {
  readonly wrong: readonly string[];
  readonly cuts: number;
  readonly promised: number;
}

async function cutEverywhere(
  options: Partial<JournalOptions>,
  make: () => FaultDisk = () => FaultDisk.empty(),
  segmentBytes?: number,
): Promise<Outcome> {
  const steps = await stepsOf(options, segmentBytes);
  const wrong: string[] = [];
  let promised = 0;
  for (let step = 1; step <= steps; step++) {
    for (let variant = 0; variant < VARIANTS; variant++) {
      const random = new Random(SEED + step * 1_000 + variant);
      const disk = make();
      disk.cutAt = step;
      const race = new Race(disk, options, segmentBytes);
      await raceDay(race).catch(() => undefined);
      promised += race.promised.size;
      race.disk = disk.powerCut(random);
      try {
        await race.open();
        await race.settle();
        // Life goes on: what comes now takes no number twice, and survives the next cut.
        await race.append(3);
        race.disk = race.disk.powerCut(random);
        await race.open();
        await race.settle();
        if (race.damage.corruptRecords === 0) race.wrong.push(...race.holes().map((hole) => `hole at ${hole}`));
      } catch (error) {
        race.wrong.push(`threw ${String(error)}`);
      }
      wrong.push(...race.wrong.map((what) => `step ${step} of ${steps}, variant ${variant}, seed ${SEED}: ${what}`));
    }
  }
  return { wrong, cuts: steps * VARIANTS, promised };
}

describe('a power cut at every step', () => {
  it('loses nothing that was promised, doubles nothing, gives no number twice', { timeout: 600_000 }, async () => {
    const { wrong, cuts, promised } = await cutEverywhere({});
    console.log(`power cuts: ${JSON.stringify({ seed: SEED, cuts, promised })}`);
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(cuts).toBeGreaterThan(100);
    expect(promised).toBeGreaterThan(1_000);
  });

  it('does so without a backup, and with parked/ tidied up', { timeout: 600_000 }, async () => {
    const { wrong } = await cutEverywhere({ retain: { maxBytes: 0 } }, () => FaultDisk.empty(), 600);
    expect(wrong.slice(0, 5)).toEqual([]);
  });

  it("is caught by this very check with durability 'os'", { timeout: 600_000 }, async () => {
    const { wrong } = await cutEverywhere({ durability: 'os' });
    expect(wrong.some((what) => what.includes('is lost'))).toBe(true);
  });

  it('is caught by this very check on a disk that promises before it has synced', { timeout: 600_000 }, async () => {
    const { wrong } = await cutEverywhere({}, () => Object.assign(FaultDisk.empty(), { lies: true }));
    expect(wrong.some((what) => what.includes('is lost'))).toBe(true);
  });
});
