import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { entryUrl } from '../support/built.js';
import { deliverAlone, forwardFile, writeLines } from '../support/forwarding.js';
import { atLeast, atMost, type Case, type Effort, type Goal } from '../support/report.js';
import { KEY, TOKEN } from '../support/rows.js';
import { startServer } from '../support/server.js';
import { grouped, median, quantile, spread } from '../support/stats.js';

/** As many as a real marathon has crossings. */
const ROWS = 145_273;
const MANY = 1_000_000;
const BIN = 'dist/rufus.js';

export const run: Case = async (effort) => {
  const folder = mkdtempSync(join(tmpdir(), 'rufus-bench-'));
  await using server = await startServer({ rows: ROWS });
  const env = { RUFUS_API_KEY: KEY, RUFUS_BASE_URL: server.baseUrl };
  const rows: string[][] = [];
  const goals: Goal[] = [];

  /** Processes in turn, as neighbours in time. The ratio is subject to reference. */
  function race(
    name: string,
    subject: readonly string[],
    against: string,
    reference: readonly string[],
    rounds: number,
  ): number {
    const times: [number, number][] = [];
    for (let round = -1; round < effort.rounds(rounds); round++) {
      const turns = [() => processMs(subject, env), () => processMs(reference, env)];
      const [first, second] = round % 2 === 0 ? turns : turns.toReversed();
      const measured = [first!(), second!()];
      if (round % 2 !== 0) measured.reverse();
      // The first round fills the caches.
      if (round >= 0) times.push(measured as [number, number]);
    }
    const ratios = times.map(([ours, theirs]) => ours / theirs);
    const ms = (index: 0 | 1) => median(times.map((pair) => pair[index])).toFixed(0);
    rows.push([name, against, ms(0), ms(1), spread(ratios)]);
    return median(ratios);
  }

  try {
    const nothing = ['--eval', '0'];
    goals.push(
      atMost(
        'rufus --version: time, of node -e 0',
        1.5,
        race('--version', [BIN, '--version'], 'node -e 0', nothing, 40),
      ),
    );
    goals.push(
      atMost('rufus --help: time, of node -e 0', 2, race('--help', [BIN, '--help'], 'node -e 0', nothing, 40)),
    );
    const list = ['--input-type=module', '--eval', listing()];
    for (const format of ['csv', 'jsonl']) {
      const file = join(folder, `session.${format}`);
      const exporting = [BIN, 'passings', 'export', '--quiet', '--session', TOKEN, '-o', file, '--force'];
      const ratio = race(`passings export, ${format}`, exporting, 'listBySession into nothing', list, 11);
      goals.push(atLeast(`passings export, ${format}: speed, of listBySession into nothing`, 0.7, 1 / ratio));
    }
    const { forwarded, alone } = await forwarding(folder, effort);
    const ratios = forwarded.map((ms, round) => ms / alone[round]!);
    const [oursMs, theirsMs] = [forwarded, alone].map((times) => median(times).toFixed(0));
    rows.push(['forward --tail', 'the outbox alone', oursMs!, theirsMs!, spread(ratios)]);
    goals.push(atMost(`forward --tail of ${grouped(ROWS)} crossings: time, of the outbox alone`, 1.5, median(ratios)));
    const { tenth, most } = await memory(folder, effort.quick ? MANY / 10 : MANY);
    goals.push(atMost('forward --tail of a million lines: resident memory', 150, most, ' MiB'));
    goals.push(atMost('the same, against the first tenth of the lines', 1.2, most / tenth));
  } finally {
    rmSync(folder, { recursive: true });
  }
  return {
    title: '10. The command',
    how: `Whole processes, in turn. A session of ${ROWS.toLocaleString('en-US')} passings, into a file; against a program that only reads it, with the same pages fetched ahead.`,
    tables: [{ columns: ['rufus', 'Against', 'ms', 'it', 'ratio'], rows }],
    goals,
  };
};

/** Whole processes in turn, until the server has the last passing. */
async function forwarding(folder: string, effort: Effort): Promise<{ forwarded: number[]; alone: number[] }> {
  await using server = await startServer();
  const path = writeLines(folder, ROWS);
  const forwarded: number[] = [];
  const alone: number[] = [];
  for (let round = -1; round < effort.rounds(7); round++) {
    const turns = [
      async () => forwarded.push((await forwardFile(path, ROWS, server)).ms),
      async () => alone.push(await deliverAlone(ROWS, server)),
    ];
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn();
    // The first round fills the caches.
    if (round < 0) forwarded.length = alone.length = 0;
  }
  return { forwarded, alone };
}

/** What a forwarder occupies at most: while it takes the first tenth of the time, and over all of it. */
async function memory(folder: string, count: number): Promise<{ tenth: number; most: number }> {
  await using server = await startServer();
  const { residentMiB } = await forwardFile(writeLines(folder, count), count, server);
  const most = (of: readonly number[]) => quantile(of, 1);
  return { tenth: most(residentMiB.slice(0, Math.ceil(residentMiB.length / 10))), most: most(residentMiB) };
}

/** Reads the session, and keeps nothing. */
function listing(): string {
  return `
    import { RufusClient } from ${JSON.stringify(entryUrl('index'))};
    const client = new RufusClient();
    let count = 0;
    for await (const _ of client.passings.listBySession('${TOKEN}', { prefetch: 4 })) count++;
    if (count !== ${ROWS}) throw new Error('the session ended after ' + count);
    await client.close();`;
}

function processMs(args: readonly string[], env: Record<string, string>): number {
  const startedAt = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { env: { ...process.env, ...env }, encoding: 'utf8' });
  const ms = performance.now() - startedAt;
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr}`);
  return ms;
}
