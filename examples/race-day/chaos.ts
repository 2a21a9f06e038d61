import { setTimeout } from 'node:timers/promises';
import type { Sandbox, SandboxFault } from 'rufus-client/testing';
import type { Random } from '../../src/simulation/field.js';
import type { Link } from './link.js';

const ROUNDS = 3;
const INSERT = 'POST /passings';

const FAULTS: Readonly<Record<string, SandboxFault>> = {
  'answer lost after storing': { kind: 'reset-after' },
  'answer cut in the middle': { kind: 'truncate' },
  'connection reset': { kind: 'reset-before' },
  'no answer at all': { kind: 'hang' },
  'captive portal with 200': { kind: 'html' },
  'gateway error 502': { kind: 'html', status: 502 },
  'server error 500': { kind: 'status', status: 500 },
  'too many requests 429': { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
};

/** What went wrong, and how often. */
export type Mishaps = Readonly<Record<string, number>>;

/** Everything that can go wrong between a device and the server, in any order, until it is through or `signal` aborts. */
export async function wreakHavoc(sandbox: Sandbox, link: Link, random: Random, signal: AbortSignal): Promise<Mishaps> {
  const deeds: [string, () => unknown][] = [
    ['link cut', () => link.cut(100 + random.below(500))],
    ['link slow', () => link.slowDown(300, 40)],
    ...Object.entries(FAULTS).map(([name, fault]): [string, () => unknown] => [
      name,
      () => sandbox.fault({ ...fault, on: INSERT }),
    ]),
  ];
  const plan = shuffled(Array.from({ length: ROUNDS }, () => deeds).flat(), random);
  const mishaps: Record<string, number> = {};
  for (const [name, deed] of plan) {
    if (signal.aborted) break;
    await deed();
    mishaps[name] = (mishaps[name] ?? 0) + 1;
    await setTimeout(20 + random.below(120));
  }
  return mishaps;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, place: random.next() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
