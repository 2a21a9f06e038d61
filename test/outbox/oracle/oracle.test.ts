// "How it is proven": a process that appends is killed at random, again and again, while everything between it and the server
// goes wrong that can. In the end every passing that it was promised is on the server once, or parked.
//
// RUFUS_OUTBOX_CYCLES=20 for twenty times as many kills, RUFUS_OUTBOX_SEED to repeat a run.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { RufusClient } from '../../../src/index.js';
import type { OutboxStats, ParkedPassing } from '../../../src/outbox/types.js';
import { Sandbox } from '../../../src/testing/index.js';
import { cycles, Random, seedOf } from '../disk/random.js';
import { tempFolder } from '../support/rig.js';
import { HostileFront } from './hostile-front.js';
import { idOf } from './passings.js';
import type { RacerOptions } from './racer.js';
import { faults } from './verdict.js';

const SEED = seedOf(20_260_315);
const LIVES = cycles(4);
const IDS_A_LIFE = 1_000_000;
const LAST_ID = 2 ** 40;
/** So many passings must have been promised for a run to mean something. */
const ENOUGH = 50;
const ENOUGH_SWITCHING = 1_200;
const SCRIPT = fileURLToPath(new URL('./racer.ts', import.meta.url));

/** A process that is loaded, and waits to be told where to race. */
class Racer {
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  #said = '';

  constructor() {
    this.#child = spawn(process.execPath, ['--import', 'tsx', SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdout!.setEncoding('utf8').on('data', (text) => {
      this.#said += text;
    });
    this.#gone = once(this.#child, 'close');
  }

  async go(options: RacerOptions): Promise<void> {
    await this.hears('ready');
    this.#child.stdin!.write(`${JSON.stringify(options)}\n`);
  }

  /** Resolves once it has said this, or has ended. */
  async hears(what: string): Promise<void> {
    while (!this.#said.includes(`${what} `) && this.#child.exitCode === null && this.#child.signalCode === null) {
      await sleep(5);
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** The whole lines it said, once it has ended. */
  async transcript(): Promise<[what: string, facts: unknown][]> {
    await this.#gone;
    const lines = this.#said.split('\n').slice(0, -1);
    return lines.map((line) => [line.slice(0, line.indexOf(' ')), JSON.parse(line.slice(line.indexOf(' ') + 1))]);
  }
}

interface Scenario {
  readonly onSessionClosed: 'park' | 'new-session';
  /** The session is closed by somebody else. */
  readonly closing: boolean;
  /** The outbox itself changes to new sessions while it races: nothing may be parked, and the order holds over all of them. */
  readonly switching?: boolean;
  /** As an operator may meddle. */
  readonly meddling?: boolean;
}

async function race({ onSessionClosed, closing, switching = false, meddling = false }: Scenario, seed: number) {
  const random = new Random(seed);
  const enough = switching ? ENOUGH_SWITCHING : ENOUGH;
  const sandbox = new Sandbox();
  const admin = new RufusClient({ apiKey: sandbox.keys.admin, dispatcher: sandbox.dispatcher, logLevel: 'off' });
  const { deviceid } = await admin.devices.bind({ type: 'reader', model: 'M1', serial_number: 'SN-1' });
  await admin.sessions.create({ deviceid });
  const front = await HostileFront.listen(sandbox, random);
  const base = {
    apiKey: sandbox.keys.readWrite,
    baseUrl: front.url,
    directory: await tempFolder(),
    deviceid,
    onSessionClosed,
    switching,
    meddling,
  };
  const transcript: [what: string, facts: unknown][] = [];
  let over = false;
  let next = new Racer();
  let running = next;
  const weather = front.turn(() => over);
  try {
    // On a slow machine a life may end before anything is promised: such a one proves nothing, and is lived again.
    const sessions = switching ? 5 : 1;
    const isEnough = () => promised(transcript) > enough && sandbox.state.sessions.length >= sessions;
    for (let life = 1; life <= LIVES || !isEnough(); life++) {
      const racer = next;
      running = racer;
      next = new Racer();
      await racer.go({ ...base, firstId: life * IDS_A_LIFE, seed: seed + life, finish: false, switchSession: false });
      if (random.chance(0.85)) await racer.hears('open');
      const lifetime = (100 + random.int(500)) * (switching || meddling ? 5 : 1);
      // A kill between the creation of a session and its first passing, wherever that is.
      if (random.chance(0.5)) front.onCreate = () => void sleep(random.int(8)).then(() => racer.kill());
      const last = life >= LIVES;
      if (closing && (onSessionClosed === 'new-session' ? random.chance(0.8) : last)) {
        void sleep(lifetime * random.next()).then(async () => {
          const session = await admin.sessions.getActive(deviceid);
          if (session !== null) await admin.sessions.close(session.token_session);
        });
      }
      await sleep(lifetime);
      racer.kill();
      transcript.push(...(await racer.transcript()));
      front.onCreate = () => {};
    }
    over = true;
    await weather;
    front.calm();
    running = next;
    const switchSession = closing && onSessionClosed === 'park';
    await next.go({ ...base, firstId: LAST_ID, seed, finish: true, switchSession });
    transcript.push(...(await next.transcript()));
  } finally {
    over = true;
    next.kill();
    running.kill();
    await front.close();
  }
  const told = <T>(what: string): T[] => transcript.filter(([word]) => word === what).map(([, facts]) => facts as T);
  const [stats] = told<OutboxStats>('stats');
  const [parked] = told<ParkedPassing[]>('parked');
  if (stats === undefined || parked === undefined) throw new Error(`the last one failed: ${told('failed').join()}`);
  const acks = told<{ ids: number[]; nums: [string, number][] }>('ack');
  return {
    front,
    evidence: {
      intents: told<number[]>('intent'),
      acked: new Map(acks.flatMap(({ ids, nums }) => ids.map((id, index) => [id, nums[index]!.join('/')] as const))),
      collisions: told('collision'),
      corrupt: told('corrupt'),
      closed: new Set(sandbox.state.sessions.filter(({ active }) => !active).map((session) => session.token_session)),
      arrivals: front.arrivals,
      parked,
      stats,
      server: new Map(
        sandbox.state.sessions.map(({ token_session }) => [token_session, sandbox.state.passings(token_session)]),
      ),
    },
  };
}

function promised(transcript: readonly [what: string, facts: unknown][]): number {
  const acks = transcript.filter(([what]) => what === 'ack') as [string, { ids: number[] }][];
  return acks.reduce((sum, [, { ids }]) => sum + ids.length, 0);
}

const scenarios: [string, Scenario][] = [
  [
    'an operator who meddles, and others who close its sessions',
    { onSessionClosed: 'new-session', closing: true, meddling: true },
  ],
  ['switches to new sessions all the while', { onSessionClosed: 'park', closing: false, switching: true }],
  ['a server that is hard to reach', { onSessionClosed: 'park', closing: false }],
  ["a session that is closed in mid-backlog, 'park'", { onSessionClosed: 'park', closing: true }],
  ["sessions that are closed in mid-backlog, 'new-session'", { onSessionClosed: 'new-session', closing: true }],
];

it.each(scenarios)('%s', { timeout: 60_000 * Math.max(1, LIVES) }, async (name, scenario) => {
  const { front, evidence } = await race(scenario, SEED);
  const { acked, intents, parked, stats } = evidence;
  const summary = {
    seed: SEED,
    kills: LIVES,
    appended: intents.flat().length,
    acked: acked.size,
    parked: parked.length,
    sessions: evidence.server.size,
    requests: stats.requests,
    duplicates: stats.duplicates,
    ...Object.fromEntries(front.survived),
  };
  console.log(`${name}: ${JSON.stringify(summary)}`);
  expect(faults(evidence), `RUFUS_OUTBOX_SEED=${SEED}`).toEqual([]);
  if (scenario.switching) {
    expect(parked).toEqual([]);
    const ids = [...evidence.server.values()].flat().map(idOf);
    expect(ids).toEqual(ids.toSorted((one, other) => one - other));
    expect([...evidence.server.values()].filter((passings) => passings.length > 0).length).toBeGreaterThan(1);
  }
  expect(front.peak).toBe(1);
  expect(acked.size).toBeGreaterThan(ENOUGH);
});
