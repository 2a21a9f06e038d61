// Packs the package and uses it, from the tarball, in every kind of project: npm run test:consumers
// Some of them, by parts of their names: npm run test:consumers -- cjs undici8
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Sandbox } from '../../src/testing/index.js';
import { run } from './command.js';
import { CONSUMERS, type Consumer } from './list.js';
import { Workshop } from './workshop.js';

/** As many at once as small machines have cores. */
const AT_ONCE = 2;

interface Trial {
  readonly name: string;
  /** Rejects where it failed. */
  readonly run: () => Promise<void>;
}

/** Builds and packs; the path of the tarball. */
function pack(folder: string): string {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const [{ filename }] = JSON.parse(
    execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  );
  return join(folder, filename);
}

/** What each consumer does, whatever else: binds a device under its own name and sends three passings. */
function demandRace({ state }: Sandbox, serial_number: string): void {
  const device = state.devices.find((known) => known.serial_number === serial_number);
  const sessions = state.sessions.filter(({ deviceid }) => deviceid === device?.deviceid);
  if (sessions.length > 0 && sessions.every(({ token_session }) => state.passings(token_session).length === 3)) return;
  throw new Error('It ended well, but its three passings are not in the sandbox');
}

function chosen(trials: readonly Trial[], parts: readonly string[]): readonly Trial[] {
  const unknown = parts.filter((part) => !trials.some(({ name }) => name.includes(part)));
  if (unknown.length > 0) throw new Error(`No consumer is called ${unknown.join(', ')}`);
  return parts.length === 0 ? trials : trials.filter(({ name }) => parts.some((part) => name.includes(part)));
}

const seconds = (since: number) => Number(((performance.now() - since) / 1000).toFixed(1));

const startedAt = performance.now();
const packed = mkdtempSync(join(tmpdir(), 'rufus-packed-'));
const tarball = pack(packed);
console.log(`Packed after ${seconds(startedAt)} s`);
const workshop = new Workshop(tarball);
const sandbox = new Sandbox();
const server = await sandbox.listen();

const trialOf = (consumer: Consumer): Trial => ({
  name: consumer.name,
  async run() {
    const { url: RUFUS_BASE_URL } = server;
    const { readWrite: RUFUS_API_KEY } = sandbox.keys;
    await workshop.use(consumer, { RUFUS_BASE_URL, RUFUS_API_KEY, CONSUMER: consumer.name });
    if (!consumer.isRefused) demandRace(sandbox, consumer.name);
  },
});
const trials: readonly Trial[] = [
  { name: 'publint', run: () => run(['npx', 'publint', 'run', tarball, '--strict']) },
  { name: 'attw', run: () => run(['npx', 'attw', tarball]) },
  ...CONSUMERS.map(trialOf),
];

const rows: { consumer: string; result: string; seconds: number }[] = [];
try {
  const waiting = chosen(trials, process.argv.slice(2))[Symbol.iterator]();
  const work = async () => {
    for (const { name, run } of waiting) {
      const begunAt = performance.now();
      const failure = await run().then(
        () => undefined,
        (error: Error) => error,
      );
      rows.push({ consumer: name, result: failure ? 'FAILED' : 'passed', seconds: seconds(begunAt) });
      console.log(failure ? `✗ ${name}\n${failure.message}` : `✓ ${name}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
} finally {
  await server.close();
  workshop.remove();
  rmSync(packed, { recursive: true, force: true });
}

console.table(rows);
const failed = rows.filter(({ result }) => result !== 'passed').length;
console.log(`${rows.length - failed} passed, ${failed} failed, in ${seconds(startedAt)} s`);
if (failed > 0) process.exitCode = 1;
