import { BareUndici } from './bare-undici.js';
import { RufusClient } from './built.js';
import { type Contestant, duel, inFlight } from './duel.js';
import { idlePolls } from './polls.js';
import { crossing, KEY, TOKEN } from './rows.js';
import { startServer } from './server.js';
import { median } from './stats.js';

/** CPU microseconds of one call, ours and that of bare undici of the same version. */
export interface PeerFigure {
  readonly what: string;
  readonly ours: number;
  readonly theirs: number;
  /** Of neighbouring rounds, the one in the middle. */
  readonly ratio: number;
}

// Run by each Node, in a project with its undici.
const [quick] = process.argv.slice(2);
const rounds = quick === 'quick' ? 2 : 8;
const sliceMs = quick === 'quick' ? 150 : 600;

async function calls(
  what: string,
  width: number,
  call: (client: InstanceType<typeof RufusClient>) => Promise<unknown>,
  bareCall: (bare: BareUndici) => Promise<unknown>,
): Promise<PeerFigure> {
  await using server = await startServer({ rows: 5_000, coordinates: 'number' });
  await using client = new RufusClient({ apiKey: KEY, baseUrl: server.baseUrl });
  const bare = new BareUndici(server);
  const contestants: [Contestant, Contestant] = [
    inFlight('rufus-client', width, () => call(client)),
    inFlight('undici', width, () => bareCall(bare)),
  ];
  const { subject, reference, cpuRatios } = await duel(...contestants, { rounds, sliceMs });
  await bare.close();
  return { what, ours: subject.cpuMicros, theirs: reference.cpuMicros, ratio: median(cpuRatios) };
}

const one = [crossing(1)];
const figures: PeerFigure[] = [
  await calls(
    'insert of one passing, 50 in flight',
    50,
    (client) => client.passings.insert(TOKEN, one),
    (bare) => bare.insert(one),
  ),
  await calls(
    'page of 5,000 passings',
    1,
    (client) => client.passings.listBySession(TOKEN),
    (bare) => bare.page(1),
  ),
];
const idle = await idlePolls(1_000, 1_000, { ms: 4 * sliceMs, rounds: 2 });
figures.push({ what: 'idle poll, 1,000 devices', ours: idle.ours, theirs: idle.theirs, ratio: median(idle.ratios) });
process.send?.(figures);
process.disconnect?.();
