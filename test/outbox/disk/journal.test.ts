import { describe, expect, it } from 'vitest';
import { encodeLine } from '../../../src/outbox/disk/codec.js';
import type { Disk } from '../../../src/outbox/disk/disk.js';
import { OutboxBusyError, OutboxClosedError, OutboxFullError, StorageError } from '../../../src/outbox/errors.js';
import type { Entry, StoredPassing } from '../../../src/outbox/journal.js';
import { FaultDisk } from './fault-disk.js';
import { passingOf, Race } from './race.js';
import { Random } from './random.js';

const SEGMENT = /^\/outbox\/\d{16}\.log$/;
const ACK = '/outbox/ack.dat';
const segments = (race: Race): string[] => race.disk.files().filter((path) => SEGMENT.test(path));

async function raced(options: ConstructorParameters<typeof Race>[1] = {}, segmentBytes?: number): Promise<Race> {
  const race = new Race(FaultDisk.empty(), options, segmentBytes);
  await race.open();
  return race;
}
async function fits(race: Race): Promise<void> {
  await race.settle();
  expect([...race.wrong, ...race.holes()]).toEqual([]);
}
async function reopen(race: Race): Promise<void> {
  await race.journal.close();
  await race.open();
}

/** No sync ends before the function this gives is called. */
function hold(disk: FaultDisk): () => void {
  let open = (): void => undefined;
  disk.gate = new Promise((resolve) => {
    open = resolve;
  });
  return () => open();
}

describe('group commit', () => {
  it('lets appends that come during a sync share the next one, and resolves none before its own', async () => {
    const race = await raced();
    await race.append(1);
    const steps: string[] = [];
    race.disk.fault = ({ kind }) => void steps.push(kind) as undefined;
    const open = hold(race.disk);
    const resolved: number[] = [];
    const append = (n: number): Promise<void> => race.append(n).then(() => void resolved.push(n));
    const first = append(1);
    while (!steps.includes('datasync')) await new Promise(setImmediate);
    const others = [append(2), append(3), append(4)];
    await new Promise(setImmediate);
    expect(resolved).toEqual([]);
    open();
    await first;
    expect(resolved).toEqual([1]);
    await Promise.all(others);
    expect(steps.filter((kind) => kind === 'datasync')).toHaveLength(2);
    expect(resolved).toEqual([1, 2, 3, 4]);
  });

  it('writes passings of two sessions in one, each under its own', async () => {
    const race = await raced();
    const { journal } = race;
    const steps: string[] = [];
    race.disk.fault = ({ kind }) => void steps.push(kind) as undefined;
    const append = (id: number) => journal.append([passingOf(id)]);
    await Promise.all([append(1), append(2), journal.startSession('S9', 40), append(3), append(4)]);
    expect(steps.filter((kind) => kind === 'datasync')).toHaveLength(1);
    const ofEach = [await journal.read({ max: 9, maxBytes: 1e6 }), await journal.read({ max: 9, maxBytes: 1e6 })];
    expect(ofEach.flat().map(({ token_session, num_passing }) => [token_session, num_passing])).toEqual([
      ['S1', 1],
      ['S1', 2],
      ['S9', 40],
      ['S9', 41],
    ]);
  });

  it("does not sync with durability 'os'", async () => {
    const race = await raced({ durability: 'os' });
    const steps: string[] = [];
    race.disk.fault = ({ kind }) => void steps.push(kind) as undefined;
    for (let i = 0; i < 20; i++) await race.append(10);
    await race.deliver();
    await race.journal.close();
    expect(steps.filter((kind) => kind.includes('sync'))).toEqual([]);
  });

  it('refuses more than maxPendingBytes of waiting passings, and takes them again when these are done', async () => {
    const race = await raced({ maxPendingBytes: 3_000 });
    const open = hold(race.disk);
    const waiting = [race.append(4), race.append(4)];
    const busy = await race.append(4).catch((error: unknown) => error);
    expect(busy).toBeInstanceOf(OutboxBusyError);
    expect((busy as OutboxBusyError).pendingBytes).toBeGreaterThan(1_500);
    open();
    await Promise.all(waiting);
    await race.append(4);
    await fits(race);
  });

  it('does not count what the disk has refused as waiting', async () => {
    const race = await raced({ maxPendingBytes: 3_000 });
    race.disk.fault = ({ kind }) => (kind === 'write' ? 'ENOSPC' : undefined);
    for (let i = 0; i < 5; i++) await expect(race.append(4)).rejects.toThrow(OutboxFullError);
    race.disk.fault = () => undefined;
    await race.append(4);
    await fits(race);
  });

  it('finishes what is under way at close, refuses what comes after', async () => {
    const race = await raced();
    const open = hold(race.disk);
    const underWay = [race.append(3), race.append(1)];
    const closed = race.journal.close();
    await expect(race.append(1)).rejects.toThrow(OutboxClosedError);
    open();
    await Promise.all([...underWay, closed]);
    await race.open();
    await fits(race);
    expect(race.promised.size).toBe(4);
  });

  it('writes numbers that a refused list has not burned', async () => {
    const race = await raced();
    await race.append(2);
    race.disk.fault = ({ kind }) => (kind === 'write' ? 'ENOSPC' : undefined);
    await expect(race.append(5)).rejects.toThrow();
    race.disk.fault = () => undefined;
    await race.append(1);
    expect([...race.promised.values()].map(({ num_passing }) => num_passing)).toEqual([1, 2, 3]);
  });
});

describe('opening', () => {
  it('reads the newest segment and not the backlog', async () => {
    const race = await raced({}, 20_000);
    for (let i = 0; i < 60; i++) await race.append(100);
    const total = segments(race).reduce((sum, path) => sum + race.disk.content(path).length, 0);
    expect(total).toBeGreaterThan(1e6);
    await race.journal.close();
    let read = 0;
    race.disk.readFault = (path, position, length) => {
      const size = race.disk.content(path).length;
      read += Math.max(0, Math.min(length, size - position));
      return undefined;
    };
    await race.open();
    // The newest one, twice to look at its header, and the one with the oldest pending passing.
    expect(read).toBeLessThan(4 * 60_000);
    expect(race.journal.stats()).toMatchObject({ appended: 6_000, pending: 6_000 });
  });

  it('refuses a folder that a newer version has written, and leaves it alone', async () => {
    const race = await raced();
    await race.append(3);
    await race.journal.close();
    const [path] = segments(race);
    const [header = '', ...lines] = race.disk.content(path!).toString().split('\n');
    const newer = JSON.stringify({ ...JSON.parse(header.slice(header.indexOf('{'))), v: 2 });
    const content = Buffer.from(encodeLine(1, newer) + lines.join('\n'));
    race.disk.put(path!, content);
    const refused = await race.open().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StorageError);
    expect((refused as Error).message).toMatch(/format 2 .* newer version/);
    expect(race.disk.content(path!)).toEqual(content);
  });

  it('does without the newest header, from the one before it', async () => {
    const race = await raced({}, 2_000);
    for (let i = 0; i < 12; i++) await race.append(4, { name: 'feed', position: i });
    await race.deliver(5);
    await race.journal.close();
    const newest = segments(race).at(-1)!;
    const content = race.disk.content(newest);
    content[20]! ^= 1;
    race.disk.put(newest, content);
    await race.open();
    expect(race.journal.position('feed')).toBe(11);
    expect(race.journal.found.corruptRecords).toBe(1);
    await race.append(2);
    await fits(race);
  });

  it('keeps the session that is being left, over restarts and new segments, until it is replaced or is not left after all', async () => {
    const race = await raced({}, 2_000);
    await race.journal.startSession('S9', 1, 'DEVICE');
    const leaving = { session: 'S9', deviceid: 'OTHER', alias: 'Heat 2' };
    await race.journal.leave(leaving);
    const check = (expected: unknown): void => expect(race.journal.leaving).toEqual(expected);
    for (let i = 0; i < 12; i++) await race.append(4, { name: 'feed', position: i });
    check(leaving);
    await reopen(race);
    check(leaving);
    expect(race.journal.deviceid).toBe('DEVICE');
    await race.journal.leave(null);
    await reopen(race);
    check(null);
    await race.journal.leave(leaving);
    const pending = race.journal.stats().pending;
    await race.deliver(pending);
    // Committed after the replacement was asked for, and before it is durable.
    const appended = race.append(3);
    await race.journal.replaceSession({ from: 'S9', to: 'S10', first: null, base: 1, deviceid: 'OTHER' });
    await appended;
    check(null);
    for (const again of [false, true]) {
      if (again) await reopen(race);
      check(null);
      expect(race.journal).toMatchObject({ session: 'S10', deviceid: 'OTHER' });
      expect(race.journal.nextNumber('S10')).toBe(4);
      const read = await race.journal.read({ max: 9, maxBytes: 1e6 });
      expect(read.map(({ token_session, num_passing }) => `${token_session}/${num_passing}`)).toEqual([
        'S10/1',
        'S10/2',
        'S10/3',
      ]);
    }
  });

  it('keeps deviceid, position, successors, tallies and the time of the last delivery', async () => {
    const race = await raced();
    await race.journal.startSession('S9', 40, 'DEVICE');
    await race.append(2, { name: 'feed', position: 17 });
    await race.journal.append([], { name: 'feed', position: 99 });
    await race.journal.append([], { name: '__proto__', position: 'p' });
    const [first] = await race.journal.read({ max: 1, maxBytes: 1 });
    await race.journal.replaceSession({ from: 'S9', to: 'S10', first: first! });
    race.journal.tally({ retries: 3 });
    await race.deliver(1);
    const check = (): void => {
      expect(race.journal).toMatchObject({ session: 'S10', deviceid: 'DEVICE' });
      expect(race.journal.position('feed')).toBe(99);
      expect(race.journal.position('__proto__')).toBe('p');
      expect(race.journal.replacedBy('S9')).toBe('S10');
      expect(race.journal.nextNumber('S9')).toBe(42);
      expect(race.journal.nextNumber('S10')).toBe(3);
      expect(race.journal.stats().tallies).toEqual({ inserted: 1, duplicates: 0, requests: 1, retries: 3 });
      expect(race.journal.stats().lastDeliveredAt).toBe(race.clock.wall());
      expect(race.journal.lastCommit).toMatchObject({ wall: race.clock.wall() });
    };
    await reopen(race);
    check();
    race.disk.kill();
    await race.open();
    check();
    expect(race.journal.stats()).toMatchObject({ pending: 1, delivered: 1 });
  });
});

describe('the acknowledgement', () => {
  it('survives a torn slot: the other one holds', async () => {
    for (const slot of [0, 4096]) {
      const race = await raced();
      await race.append(9);
      await race.deliver(2);
      await race.deliver(3);
      race.disk.kill();
      const content = race.disk.content(ACK);
      content.fill(0, slot, slot + 4096);
      race.disk.put(ACK, content);
      await race.open();
      expect(race.journal.stats().delivered).toBeGreaterThanOrEqual(2);
      await fits(race);
    }
  });

  it('without any good slot: all is sent again, under the same numbers', async () => {
    const race = await raced();
    await race.append(9);
    await race.deliver(5);
    await race.journal.close();
    race.disk.put(ACK, Buffer.alloc(8192, 'x'));
    await race.open();
    expect(race.journal.suspect).toBe(true);
    expect(race.journal.stats().pending).toBe(9);
    await fits(race);
  });

  it('older than the first segment: what is missing was delivered', async () => {
    const race = await raced({ retain: { hours: 0 } }, 1_000);
    await race.append(3);
    await race.deliver(3);
    const old = race.disk.content(ACK);
    for (let i = 0; i < 9; i++) await race.append(3);
    for (let i = 0; i < 5; i++) await race.deliver(3);
    race.disk.kill();
    const [first] = segments(race);
    race.disk.put(ACK, old);
    await race.open();
    const behind = Number(first!.slice(-20, -4)) - 1;
    expect(race.journal.stats()).toMatchObject({ delivered: behind, pending: 30 - behind });
    await fits(race);
  });

  it('newer than the log: no number is given again', async () => {
    const race = await raced();
    await race.append(5);
    const old = race.disk.content(segments(race)[0]!);
    await race.append(5);
    await race.deliver(8);
    race.disk.kill();
    race.disk.put(segments(race)[0]!, old);
    await race.open();
    expect(race.journal.suspect).toBe(true);
    await race.append(1);
    expect(race.promised.get(11)?.num_passing).toBe(11);
    expect(race.journal.stats()).toMatchObject({ pending: 1 });
  });

  it('with the log deleted: no number is given again, and what was pending is reported', async () => {
    const race = await raced();
    await race.append(10);
    await race.deliver(4);
    await race.journal.close();
    for (const path of segments(race)) race.disk.remove(path);
    await race.open();
    expect(race.journal.suspect).toBe(true);
    expect(race.journal.found.corruptRecords).toBe(6);
    await race.append(1);
    expect(race.promised.get(11)).toEqual({ token_session: 'S1', num_passing: 11 });
    expect(race.journal.stats()).toMatchObject({ appended: 5, delivered: 4, pending: 1 });
  });
});

describe('the high-water mark', () => {
  const MARK = '/outbox/high-water.dat';
  /** Five are delivered, ten more are appended, the process is killed, and the last lines of the log are gone. */
  async function shortened(lines: number): Promise<Race> {
    const race = await raced();
    await race.append(5);
    await race.deliver(5);
    await race.append(10);
    race.disk.kill();
    const [path] = segments(race);
    const text = race.disk.content(path!).toString().trimEnd().split('\n');
    race.disk.put(path!, Buffer.from(`${text.slice(0, text.length - lines).join('\n')}\n`));
    return race;
  }

  it('newer than the log, where ack.dat is not: no number is given again, and what is lost is reported', async () => {
    const race = await shortened(4);
    await race.open();
    expect(race.journal.suspect).toBe(true);
    expect(race.journal.found.corruptRecords).toBe(4);
    await race.append(1);
    expect(race.promised.get(16)).toEqual({ token_session: 'S1', num_passing: 16 });
  });

  it('torn, or gone, tells nothing', async () => {
    for (const lost of [true, false]) {
      const race = await shortened(0);
      const bytes = race.disk.content(MARK);
      if (lost) race.disk.remove(MARK);
      else race.disk.put(MARK, bytes.fill(0, 20));
      await race.open();
      expect(race.journal).toMatchObject({ suspect: false, found: { corruptRecords: 0 } });
      await race.append(1);
      await fits(race);
      expect(race.disk.content(MARK).toString()).toMatch(/^[0-9a-f]{8} 16 \{"session":"S1","next":17\}\n +$/);
    }
  });

  it('that the disk does not take costs nothing else, and is not synced', async () => {
    const race = new Race(FaultDisk.empty());
    const kinds: string[] = [];
    race.disk.fault = ({ kind, path }) => {
      if (path !== MARK) return undefined;
      kinds.push(kind);
      return kind === 'open' ? undefined : 'ENOSPC';
    };
    await race.open();
    await race.append(3);
    await race.journal.close();
    expect(kinds).not.toContain('datasync');
    race.disk.fault = ({ path }) => (path === MARK ? 'EIO' : undefined);
    await race.open();
    expect(race.journal.suspect).toBe(false);
    await race.append(1);
    await fits(race);
  });
});

describe('a copy of the folder', () => {
  it('is suspect until its numbers were compared, over restarts; the folder itself never is', async () => {
    const race = await raced();
    await race.append(4);
    await reopen(race);
    expect(race.journal.suspect).toBe(false);
    await race.journal.close();
    const older = race.disk.copy();
    await race.open();
    await race.append(4);
    race.disk = older;
    await race.open();
    expect(race.journal.suspect).toBe(true);
    await reopen(race);
    race.disk.kill();
    await race.open();
    expect(race.journal.suspect).toBe(true);
    // The server has seen 8.
    await race.journal.startSession('S1', 9);
    await race.journal.clearSuspect();
    expect(race.journal.suspect).toBe(false);
    race.disk.kill();
    await race.open();
    expect(race.journal.suspect).toBe(false);
    expect(race.journal.nextNumber('S1')).toBe(9);
  });
});

describe('the backup', () => {
  const delivered = (race: Race): string[] => race.disk.files().filter((path) => path.includes('/delivered/'));
  async function fill(race: Race, lists: number): Promise<void> {
    for (let i = 0; i < lists; i++) {
      await race.append(5);
      await race.deliver(5);
    }
  }

  it('keeps delivered segments for their time, then lets them go, the process idle or not', async () => {
    const race = await raced({ retain: { hours: 2 } }, 1_000);
    await fill(race, 10);
    const kept = delivered(race).length;
    expect(kept).toBeGreaterThan(3);
    race.clock.pass(1.5 * 3_600_000);
    await reopen(race);
    expect(delivered(race)).toHaveLength(kept);
    race.clock.pass(3_600_000);
    await expect.poll(() => delivered(race).length).toBe(0);
    await fits(race);
  });

  it('keeps no more than its bytes', async () => {
    const race = await raced({ retain: { maxBytes: 5_000 } }, 1_000);
    await fill(race, 30);
    const bytes = delivered(race).reduce((sum, path) => sum + race.disk.content(path).length, 0);
    expect(bytes).toBeGreaterThan(2_000);
    expect(bytes).toBeLessThanOrEqual(5_000);
    const none = await raced({ retain: { maxBytes: 0 } }, 1_000);
    await fill(none, 10);
    expect(delivered(none)).toEqual([]);
    await fits(none);
  });

  it('is read in order, while segments move and go', async () => {
    const race = await raced({}, 1_000);
    await fill(race, 10);
    for (let i = 0; i < 10; i++) await race.append(5);
    const nums: number[] = [];
    const states: string[] = [];
    for await (const entries of race.journal.history()) {
      nums.push(...entries.map(({ num_passing }) => num_passing));
      states.push(...entries.map(({ state }) => state));
      await race.deliver(10);
    }
    expect(nums).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(states.slice(0, 50)).toEqual(Array(50).fill('delivered'));
    await fits(race);
  });

  it('has a moved passing once, under its new number', async () => {
    const race = await raced({}, 1_000);
    await fill(race, 1);
    await race.append(4);
    await race.journal.startSession('S2');
    await race.append(1);
    await race.move(4);
    for (let i = 0; i < 10; i++) await race.append(2);
    await reopen(race);
    const addresses: string[] = [];
    for await (const entries of race.journal.history()) {
      addresses.push(
        ...entries
          .slice(0, 20)
          .map(({ token_session, num_passing, passing }) => `${token_session}/${num_passing}=${passing.bib}`),
      );
    }
    expect(addresses.slice(0, 10)).toEqual([
      ...[1, 2, 3, 4, 5].map((n) => `S1/${n}=${n}`),
      'S2/1=10',
      ...[6, 7, 8, 9].map((n) => `S2/${n - 4}=${n}`),
    ]);
    await fits(race);
  });

  it('leaves parked ones out, requeued or not', async () => {
    const race = await raced({}, 1_000);
    await fill(race, 2);
    await race.append(5);
    await race.park(2);
    await race.deliver(3);
    const ids = async (): Promise<number[]> => {
      const found: number[] = [];
      for await (const entries of race.journal.history())
        found.push(...entries.map(({ passing }) => Number(passing.bib)));
      return found;
    };
    expect(await ids()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15]);
    await race.requeue((id) => id === 12);
    expect(await ids()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 12]);
    await reopen(race);
    await race.requeue();
    await race.deliver(2);
    expect(await ids()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 12, 11]);
    await fits(race);
  });
});

describe('parked passings', () => {
  it('carry their reason, and what the server said', async () => {
    const race = await raced();
    await race.append(2);
    const batch = await race.journal.read({ max: 1, maxBytes: 1e6 });
    await race.journal.park(batch, { reason: 'too-large', status: 413, response: 'zu groß' });
    await reopen(race);
    const found: unknown[] = [];
    for await (const entries of race.journal.parked()) found.push(...entries);
    expect(found).toEqual([{ ...batch[0], reason: 'too-large', status: 413, response: 'zu groß' }]);
  });

  it('must be the next pending ones', async () => {
    const race = await raced();
    await race.append(5);
    const batch = await race.journal.read({ max: 5, maxBytes: 1e6 });
    const why = { reason: 'rejected', status: 400, response: undefined } as const;
    await expect(race.journal.park(batch.slice(1), why)).rejects.toThrow('not the next pending one');
    await expect(race.journal.park([batch[0]!, batch[2]!], why)).rejects.toThrow('not the next pending one');
    await race.journal.park(batch.slice(0, 2), why);
    expect(race.journal.stats()).toMatchObject({ parked: 2, pending: 3, appended: 5 });
  });

  it('are requeued once, however many ask at once', async () => {
    const race = await raced();
    await race.append(30);
    await race.park(20);
    await Promise.all([race.requeue(), race.requeue(), race.requeue((id) => id < 5)]);
    expect(race.journal.stats()).toMatchObject({ parked: 0, pending: 30, appended: 30 });
    await fits(race);
  });

  it('do not come back when the power goes while their files are removed', { timeout: 120_000 }, async () => {
    const tidyUp = async (race: Race): Promise<void> => {
      for (let i = 0; i < 5; i++) {
        await race.append(3);
        await race.park(3);
      }
      await race.requeue();
      while ((await race.deliver(50)) > 0);
      for (let i = 0; i < 3; i++) {
        await race.append(9);
        await race.park(9);
      }
      // Takes away the last segment of the first five, and behind it that which says they are released.
      await race.requeue();
      while ((await race.deliver(50)) > 0);
    };
    const dry = await raced({ retain: { maxBytes: 0 } }, 600);
    await tidyUp(dry);
    const last = dry.disk.steps;
    for (let cutAt = last - 30; cutAt <= last; cutAt++) {
      for (let seed = 0; seed < 8; seed++) {
        const race = await raced({ retain: { maxBytes: 0 } }, 600);
        race.disk.cutAt = cutAt;
        await tidyUp(race).catch(() => undefined);
        race.disk = race.disk.powerCut(new Random(cutAt * 100 + seed));
        await race.open();
        await fits(race);
        expect(race.damage.corruptRecords).toBe(0);
      }
    }
  });

  it('leave no files behind once they are requeued and out of the backup', async () => {
    const race = await raced({ retain: { maxBytes: 0 } }, 1_000);
    for (let i = 0; i < 20; i++) {
      await race.append(4);
      await race.park(4);
    }
    const files = (): number => race.disk.files().filter((path) => path.includes('/parked/')).length;
    expect(files()).toBeGreaterThan(10);
    await race.requeue();
    while ((await race.deliver(50)) > 0);
    await race.append(20);
    await race.deliver(20);
    await reopen(race);
    await expect.poll(files).toBeLessThanOrEqual(2);
    await fits(race);
  });
});

describe('reading', () => {
  it('gives one session at a time, no more than fits, one at least', async () => {
    const race = await raced();
    await race.append(4);
    await race.journal.startSession('S2', 5);
    await race.append(3);
    const nums = async (max: number, maxBytes: number): Promise<string[]> =>
      (await race.journal.read({ max, maxBytes })).map((entry: Entry) => `${entry.token_session}/${entry.num_passing}`);
    expect(await nums(3, 1e6)).toEqual(['S1/1', 'S1/2', 'S1/3']);
    expect(await nums(10, 1e6)).toEqual(['S1/4']);
    expect(await nums(10, 1)).toEqual(['S2/5']);
    expect(await nums(10, 1e6)).toEqual(['S2/6', 'S2/7']);
    expect(await nums(10, 1e6)).toEqual([]);
    await race.append(1);
    expect(await nums(10, 1e6)).toEqual(['S2/8']);
  });

  it('knows when the oldest pending passing was appended', async () => {
    const race = await raced();
    expect(race.journal.stats().oldestPendingAt).toBe(null);
    const begin = race.clock.wall();
    await race.append(2);
    race.clock.pass(1_000);
    await race.append(2);
    expect(race.journal.stats().oldestPendingAt).toBe(begin + 1);
    await race.deliver(2);
    expect(race.journal.stats().oldestPendingAt).toBe(begin + 1_002);
    await reopen(race);
    expect(race.journal.stats().oldestPendingAt).toBe(begin + 1_002);
    await race.deliver(2);
    expect(race.journal.stats().oldestPendingAt).toBe(null);
  });

  it('brings back any text as it was', async () => {
    const race = await raced();
    const odd: StoredPassing[] = ['\u2028\u2029', '\ud800 lone', '\0', '"\\\n\r\t', '𝔘𝔫𝔦', '', '-'.repeat(9_000)].map(
      (bib) => ({
        ...passingOf(1),
        bib,
        status: null,
      }),
    );
    await race.journal.append(odd);
    await reopen(race);
    const batch = await race.journal.read({ max: 100, maxBytes: 1e6 });
    expect(batch.map(({ passing }) => passing)).toEqual(odd);
  });
});

describe('what recovery keeps', () => {
  it('is made durable before it counts: a kill and then a power cut lose no number', async () => {
    const race = await raced();
    await race.append(3);
    // Written, never synced; the process dies, its successor finds it and sends it.
    const synced = race.disk.disk.bind(race.disk);
    let swallow = true;
    race.disk.disk = (): Disk => {
      const disk = synced();
      const open: Disk['open'] = async (path, mode) => {
        const file = await disk.open(path, mode);
        return { ...file, datasync: () => (swallow ? new Promise<void>(() => undefined) : file.datasync()) };
      };
      return { ...disk, open };
    };
    race.disk.kill();
    swallow = false;
    await race.open();
    swallow = true;
    void race.append(2).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 30));
    race.disk.kill();
    swallow = false;
    await race.open();
    expect(race.journal.stats().pending).toBe(5);
    race.store(await race.journal.read({ max: 5, maxBytes: 1e6 }));
    race.disk.kill();
    for (let seed = 0; seed < 12; seed++) {
      const after = race.disk.powerCut(new Random(seed));
      const next = new Race(after);
      await next.open();
      expect(next.journal.nextNumber('S1')).toBe(6);
      expect(next.journal.stats().pending).toBe(5);
    }
  });
});
