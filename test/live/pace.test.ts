import { describe, expect, it } from 'vitest';
import { RufusClient } from '../../src/index.js';
import { fakeClock, polls, Reader, range, type Spy, start } from './support.js';

const DEFAULTS = { pollMs: undefined };
const ROUND_TRIP_MS = 40;
const STEP_MS = 10;

/** The server judges on arrival, and its answer is under way for a whole round trip: the worst case for what comes just after. */
const farAway = (spy: Spy) => {
  spy.alter = async (_, ask) => {
    const answer = await ask();
    await new Promise((resolve) => setTimeout(resolve, ROUND_TRIP_MS));
    return answer;
  };
};

describe('while data flows', () => {
  const FLOWS = [
    { name: 'one at a time', gapMs: () => 30, batch: 1 },
    { name: 'in bursts', gapMs: () => 400, batch: 200 },
    { name: 'with gaps of up to three times pollMs.min', gapMs: (nth: number) => (nth * 377) % 1_500, batch: 3 },
  ];
  it.each(FLOWS)('a passing arrives within pollMs.min and a round trip: $name', async ({ gapMs, batch }) => {
    const clock = fakeClock();
    const { open, write, follow, spy } = await start();
    farAway(spy);
    const token = await open();
    const writtenAt = new Map<number, number>();
    const delays: number[] = [];
    new Reader(follow(DEFAULTS), ({ passings }) => {
      for (const { num_passing } of passings) delays.push(performance.now() - writtenAt.get(num_passing)!);
    });
    let next = 1;
    for (let nth = 0; performance.now() < 60_000 && nth < 1_000; nth++) {
      const numbers = [...range(next, next + batch - 1)];
      next += batch;
      await write(token, numbers);
      for (const number of numbers) writtenAt.set(number, performance.now());
      await clock.run(gapMs(nth), STEP_MS);
    }
    await clock.run(2_000, STEP_MS);
    expect(delays.length).toBe(next - 1);
    expect(Math.max(...delays)).toBeLessThanOrEqual(500 + ROUND_TRIP_MS + STEP_MS);
  });

  it('and holes are looked for, what comes in order does not wait for them', async () => {
    const clock = fakeClock();
    const { open, write, follow, spy } = await start();
    farAway(spy);
    const token = await open();
    // Far from each other, so that each needs a read of its own.
    const holes = [...range(1, 40)].map((nth) => nth * 500);
    await write(
      token,
      [...range(1, 20_500)].filter((number) => !holes.includes(number)),
    );
    const writtenAt = new Map<number, number>();
    const delays: number[] = [];
    new Reader(follow(DEFAULTS), ({ passings }) => {
      for (const { num_passing } of passings) {
        const at = writtenAt.get(num_passing);
        if (at !== undefined) delays.push(performance.now() - at);
      }
    });
    await clock.run(5_000, STEP_MS);
    for (let next = 20_501; next <= 20_700; next++) {
      await write(token, [next]);
      writtenAt.set(next, performance.now());
      await clock.run(100, STEP_MS);
    }
    await clock.run(2_000, STEP_MS);
    expect(delays.length).toBe(200);
    expect(spy.of('/passings/session').length).toBeGreaterThan(100);
    expect(Math.max(...delays)).toBeLessThanOrEqual(500 + ROUND_TRIP_MS + 2 * STEP_MS);
  }, 60_000);

  it('500 or more are followed by the next poll at once, fewer by a pause', async () => {
    const clock = fakeClock();
    const { open, write, follow, spy } = await start({ pageSize: 500 });
    await write(await open(), range(1, 2_400));
    const reader = new Reader(follow(DEFAULTS));
    await clock.run(100, STEP_MS);
    expect(reader.passings.length).toBe(2_400);
    expect(spy.asked.length).toBe(5);
    await clock.run(390, STEP_MS);
    expect(spy.asked.length).toBe(5);
    await clock.run(30, STEP_MS);
    expect(spy.asked.length).toBe(6);
  });
});

describe('while nothing comes', () => {
  it('the pause grows from min to max, and an idle hour costs one request per max', async () => {
    const clock = fakeClock();
    const { open, write, follow, spy } = await start();
    const token = await open();
    await write(token, [1]);
    const arrivals: number[] = [];
    new Reader(follow(DEFAULTS), () => arrivals.push(performance.now()));
    await clock.run(20_000);
    const times = spy.asked.map(({ at }) => at);
    const pauses = times.slice(1).map((at, index) => at - times[index]!);
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(pauses[0]).toBe(500);
    expect(pauses.at(-1)).toBe(5_000);
    const before = spy.asked.length;
    await clock.run(3_600_000, 500);
    expect(spy.asked.length - before).toBeLessThanOrEqual(3_600 / 5);
    expect(spy.of('/passings/device2').length).toBe(spy.asked.length);
    await write(token, [2]);
    const writtenAt = performance.now();
    await clock.run(5_500, STEP_MS);
    expect(arrivals.at(-1)! - writtenAt).toBeLessThanOrEqual(5_000 + STEP_MS);
    // And the next ones come fast again.
    await write(token, [3]);
    const next = performance.now();
    await clock.run(1_000, STEP_MS);
    expect(arrivals.length).toBe(3);
    expect(arrivals.at(-1)! - next).toBeLessThanOrEqual(500 + STEP_MS);
  }, 60_000);

  it('on a device without a session an hour costs hardly more', async () => {
    const clock = fakeClock();
    const { follow, spy } = await start();
    const reader = new Reader(follow(DEFAULTS));
    await clock.run(3_600_000, 500);
    expect(reader.error).toBeUndefined();
    expect(spy.asked.length).toBeLessThanOrEqual((3_600 / 5) * 1.15);
    expect(spy.of('/passings/device2').length).toBeGreaterThan(700);
  }, 60_000);

  it('where only one end of pollMs is given, the other gives way', async () => {
    const clock = fakeClock();
    const { open, follow, spy } = await start();
    await open();
    new Reader(follow({ pollMs: { min: 8_000 } }));
    await clock.run(79_000);
    expect(spy.asked.length).toBe(10);
    const slow = await start();
    await slow.open();
    new Reader(slow.follow({ pollMs: { max: 100 } }));
    await clock.run(9_950);
    expect(slow.spy.asked.length).toBe(100);
  });
});

describe('a hole', () => {
  async function withHole() {
    const clock = fakeClock();
    const setting = await start();
    const token = await setting.open();
    const reader = new Reader(setting.follow(DEFAULTS));
    await clock.run(10);
    await setting.write(token, [1, 3]);
    while (reader.numbers().length < 2) await clock.run(10, 10);
    return { ...setting, token, reader, clock };
  }

  it('is filled by what comes before holeTimeoutMs is over', async () => {
    const { clock, write, token, reader } = await withHole();
    await clock.run(119_900, 100);
    await write(token, [2]);
    await clock.run(6_000);
    expect(reader.numbers()).toEqual([1, 3, 2]);
    expect(reader.batches.at(-1)?.late).toBe(true);
  });

  it('is given up after holeTimeoutMs, and then costs nothing and delivers nothing', async () => {
    const { clock, write, token, reader, spy } = await withHole();
    await clock.run(120_010, 10);
    await write(token, [2]);
    const reads = spy.of('/passings/session').length;
    expect(reads).toBeGreaterThan(20);
    await write(token, [4]);
    await clock.run(60_000);
    expect(reader.numbers()).toEqual([1, 3, 4]);
    expect(reader.cursor).toEqual({ token_session: token, last: 4 });
    expect(spy.of('/passings/session').length).toBe(reads);
  }, 60_000);

  it('has its clock started anew by a restart', async () => {
    const { clock, write, token, reader, follow } = await withHole();
    await clock.run(100_000, 500);
    await reader.stop();
    const resumed = new Reader(follow({ cursor: reader.cursor, pollMs: undefined }));
    await clock.run(100_000, 500);
    await write(token, [2]);
    await clock.run(6_000);
    expect(resumed.numbers()).toEqual([2]);
  });

  it('is looked for as long as a consumer takes, and once more after it came back', async () => {
    const clock = fakeClock();
    const { open, write, follow } = await start();
    const token = await open();
    await write(token, [1, 3]);
    const reader = new Reader(follow(DEFAULTS), ({ late }) => !late && new Promise((go) => setTimeout(go, 300_000)));
    await clock.run(200_000, 1_000);
    await write(token, [2]);
    await clock.run(110_000, 1_000);
    expect(reader.numbers()).toEqual([1, 3, 2]);
  });

  it('is never given up with Infinity, and after one look with 0', async () => {
    const clock = fakeClock();
    const { open, write, follow } = await start();
    const token = await open();
    await write(token, [1, 3]);
    const patient = new Reader(follow({ ...DEFAULTS, holeTimeoutMs: Number.POSITIVE_INFINITY }));
    const hasty = new Reader(follow({ ...DEFAULTS, holeTimeoutMs: 0 }));
    await clock.run(1_000_000, 1_000);
    await write(token, [2, 4]);
    await clock.run(10_000);
    expect(patient.numbers().sort()).toEqual([1, 2, 3, 4]);
    expect(hasty.numbers()).toEqual([1, 3, 4]);
  });
});

describe('back-pressure', () => {
  it('nothing is requested while the consumer works on a batch, however long', async () => {
    const clock = fakeClock();
    const { open, write, follow, spy } = await start({ pageSize: 100 });
    await write(await open(), [1, ...range(3, 1_500)]);
    const atWork: number[] = [];
    const reader = new Reader(follow(DEFAULTS), async () => {
      const before = spy.asked.length;
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      atWork.push(spy.asked.length - before + spy.inFlight);
    });
    await clock.run(20 * 60_000, 1_000);
    expect(atWork.length).toBeGreaterThanOrEqual(15);
    expect(new Set(atWork)).toEqual(new Set([0]));
    expect(reader.passings.length).toBe(1_499);
  });

  it('never has two requests under way', async () => {
    const { open, write, follow, spy } = await start({ pageSize: 10 });
    let most = 0;
    spy.alter = () => {
      most = Math.max(most, spy.inFlight);
      return undefined;
    };
    const token = await open();
    await write(token, [...range(1, 100), 150, 160]);
    await new Reader(follow()).until(102);
    await polls(spy, 3);
    expect(most).toBe(1);
  });
});

it('over real sockets the delay stays near pollMs.min', async () => {
  const { sandbox, open, write, deviceid } = await start();
  const server = await sandbox.listen();
  const client = new RufusClient({ apiKey: sandbox.keys.read, baseUrl: server.url });
  const token = await open();
  const writtenAt = new Map<number, number>();
  const delays: number[] = [];
  const pollMs = { min: 100, max: 1_000 };
  const reader = new Reader(client.passings.follow(deviceid, { pollMs }), ({ passings }) => {
    for (const { num_passing } of passings) delays.push(performance.now() - writtenAt.get(num_passing)!);
  });
  const count = 150;
  for (let number = 1; number <= count; number++) {
    writtenAt.set(number, performance.now());
    await write(token, [number]);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await reader.until(count);
  await reader.stop();
  await client.close();
  await server.close();
  delays.sort((a, b) => a - b);
  const p99 = delays[Math.floor(count * 0.99)]!;
  if (process.env.RUFUS_FIGURES)
    console.log(`follow: p50 ${delays[count >> 1]?.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`);
  // On an idle machine 100 and a few; others may be at work on this one.
  expect(p99).toBeLessThan(pollMs.min + 900);
});
