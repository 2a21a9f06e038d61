import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { type DispatcherLike, type FollowAllBatch, RufusClient } from '../../src/index.js';
import { answerOf } from '../support/client.js';
import { DEVICE, TOKEN } from '../support/operations.js';

const PAGE = 5_000;
const MIB = 1024 * 1024;

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;
const heapNow = () => {
  collectGarbage();
  return process.memoryUsage().heapUsed;
};

/** A server that holds so many passings and none of them in memory. Every `hole`th is missing. */
function endless(total: number, hole: number): DispatcherLike {
  const rows = (from: number, to: number) => {
    const result: object[] = [];
    for (let number = from; number <= to && result.length < PAGE; number++) {
      if (hole !== 0 && number % hole === 0) continue;
      const bib = String(number % 40_000);
      result.push({
        num_passing: number,
        bib,
        chip: `CHIP-${bib}`,
        timestamp: '2026-04-20T13:17:00.000Z',
        latitude: '42.350',
      });
    }
    return result;
  };
  return {
    async request({ path }) {
      const url = new URL(path, 'http://localhost');
      const number = (name: string, otherwise: number) => Number(url.searchParams.get(name) ?? otherwise);
      if (url.pathname.includes('/passings/session/')) {
        return answerOf(200, { description: 'ok', result: rows(number('first', 1), number('last', total)) });
      }
      const passings = rows(number('last', 0) + 1, total);
      return answerOf(200, { description: 'ok', deviceid: DEVICE, session_used: TOKEN, passings });
    },
  };
}

const RUNS = [
  { total: 1_000_000, hole: 0, holes: 'none missing' },
  { total: 200_000, hole: 37, holes: 'every 37th missing' },
];
describe('memory', () => {
  it.each(RUNS)(
    'stays flat over $total passings, $holes, and a consumer that takes its time',
    async ({ total, hole }) => {
      const client = new RufusClient({ apiKey: 'ror-0123456789abcdef0123', dispatcher: endless(total, hole) });
      const expected = hole === 0 ? total : total - Math.floor(total / hole);
      let count = 0;
      let before = 0;
      let most = 0;
      let nextLook = 0;
      for await (const { passings, cursor } of client.passings.follow(DEVICE)) {
        count += passings.length;
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (count >= nextLook) {
          const heap = heapNow();
          if (before === 0) before = heap;
          most = Math.max(most, heap - before);
          nextLook = count + total / 20;
        }
        expect(cursor.last).toBe(passings.at(-1)?.num_passing);
        if (count >= expected) break;
      }
      expect(count).toBe(expected);
      if (process.env.RUFUS_FIGURES)
        console.log(`follow: ${count} passings, heap grew by ${(most / MIB).toFixed(1)} MiB`);
      expect(most).toBeLessThan(32 * MIB);
    },
    120_000,
  );

  it('of followAll does not grow by the cursors that nobody reads', async () => {
    const total = 500_000;
    const client = new RufusClient({ apiKey: 'ror-0123456789abcdef0123', dispatcher: endless(total, 11) });
    let first: FollowAllBatch | undefined;
    let halfway = 0;
    for await (const batch of client.passings.followAll([DEVICE])) {
      first ??= batch;
      const last = batch.passings.at(-1)!.num_passing;
      // By then there are as many holes as a cursor may have.
      if (halfway === 0 && last > total / 2) halfway = heapNow();
      if (last === total) break;
    }
    const grownBy = heapNow() - halfway;
    if (process.env.RUFUS_FIGURES) console.log(`followAll: heap grew by ${(grownBy / MIB).toFixed(1)} MiB`);
    expect(grownBy).toBeLessThan(8 * MIB);
    expect(Object.keys(first?.cursor ?? {})).toEqual([DEVICE]);
  }, 120_000);
});
