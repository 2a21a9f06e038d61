import { FaultDisk } from './fault-disk.js';
import { Race } from './race.js';
import type { Random } from './random.js';

// Crash states of the newest segment: up to a point everything was synced; what came after it is in any state a crash,
// a power cut or a bad file system can leave it in.

const HIGH_WATER = '/outbox/high-water.dat';
const LOG = /^\/outbox\/\d{16}\.log$/;
const newestSegment = (disk: FaultDisk): string => disk.files().findLast((path) => LOG.test(path))!;

interface Crash {
  /** The oracle, with all that was promised up to the point. */
  readonly race: Race;
  readonly path: string;
  /** What was durable for certain. */
  readonly synced: number;
  /** The segment with a further commit behind that. */
  readonly content: Buffer;
}

/** A folder whose process died after a commit more than it had promised. */
async function crash(random: Random): Promise<Crash> {
  const race = new Race(FaultDisk.empty(), {}, 1e9);
  await race.open();
  for (let i = 0; i < 4; i++) await race.append(1 + random.int(20));
  if (random.chance(0.5)) await race.deliver(1 + random.int(20));
  await race.append(1 + random.int(30));
  const path = newestSegment(race.disk);
  const synced = race.disk.content(path).length;
  const highWater = race.disk.content(HIGH_WATER);
  const promised = new Map(race.promised);
  await Promise.all([race.append(1 + random.int(40)), race.append(1), race.append(1 + random.int(40)), race.append(1)]);
  race.promised.clear();
  for (const [id, receipt] of promised) race.promised.set(id, receipt);
  race.disk.kill();
  // The commit after the promises never came to its end.
  race.disk.put(HIGH_WATER, highWater);
  return { race, path, synced, content: race.disk.content(path) };
}

const damages: Record<string, (bytes: Buffer, random: Random) => Buffer> = {
  truncated: (bytes, random) => bytes.subarray(0, random.int(bytes.length + 1)),
  zeroed: (bytes, random) => Buffer.from(bytes).fill(0, random.int(bytes.length)),
  garbage(bytes, random) {
    const from = random.int(bytes.length);
    return Buffer.from(bytes.map((byte, i) => (i < from ? byte : random.int(256))));
  },
  'bits flipped': (bytes, random) => {
    const flipped = Buffer.from(bytes);
    for (let i = 0; i < 1 + random.int(4); i++) flipped[random.int(bytes.length)]! ^= 1 << random.int(8);
    return flipped;
  },
};

/** Puts what came after the synced point into a random state; returns what was done. */
function damage({ race, path, synced, content }: Crash, random: Random): string {
  const kind = random.pick([...Object.keys(damages), 'pages missing']);
  if (kind !== 'pages missing') {
    const after = damages[kind]!(content.subarray(synced), random);
    race.disk.put(path, Buffer.concat([content.subarray(0, synced), after]));
    return kind;
  }
  const holed = Buffer.from(content);
  for (let at = 0; at < holed.length; at += 4096) {
    if (random.chance(0.5)) holed.fill(0, Math.max(at, synced), Math.min(holed.length, Math.max(synced, at + 4096)));
  }
  race.disk.put(path, holed);
  return kind;
}

/** Opens what the crash left, goes on with it, and says what does not fit. */
async function recoverAndCheck(race: Race): Promise<string[]> {
  try {
    await race.open();
    await race.append(3);
    await race.settle();
    await race.append(2);
    race.disk.kill();
    await race.open();
    await race.settle();
    if (race.damage.corruptRecords === 0) race.wrong.push(...race.holes().map((hole) => `hole at ${hole}`));
  } catch (error) {
    race.wrong.push(`threw ${String(error)}`);
  }
  return race.wrong;
}

/** How many of so many crash states do not recover as they must, with examples. */
export async function crashStates(count: number, random: Random): Promise<string[]> {
  const wrong: string[] = [];
  for (let state = 0; state < count; state++) {
    const crashed = await crash(random);
    const kind = damage(crashed, random);
    const found = await recoverAndCheck(crashed.race);
    wrong.push(...found.map((what) => `state ${state}, ${kind}, seed ${random.seed}: ${what}`));
  }
  return wrong;
}
