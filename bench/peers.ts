// What a newer Node and a newer undici would give: npm run bench:peers
// `-- --quick` for a rough look. Needs the npm registry.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../scripts/consumers/command.js';
import { resultOf } from './support/child-result.js';
import type { PeerFigure } from './support/peers-process.js';
import { prepare } from './support/prepare.js';
import { reportMarkdown } from './support/report.js';
import { median } from './support/stats.js';

/** The first one is what we promise to run on: the others are compared with it. */
const CELLS = [
  { node: '20', undici: '7' },
  { node: '24', undici: '7' },
  { node: '24', undici: '8' },
  { node: '26', undici: '8' },
];
const NPM_INSTALL = ['npm', 'install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
const pace = process.argv.includes('--quick') ? 'quick' : 'full';
/** In turn, so that what the machine does meanwhile hits all alike. */
const ROUNDS = pace === 'quick' ? 1 : 3;

/** The command of a Node of this version. */
async function installNode(workshop: string, major: string): Promise<string> {
  const folder = join(workshop, `node${major}`);
  mkdirSync(folder);
  // The package for this very platform: `node` itself would fetch it by an install script, which npm may not run.
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  await run([...NPM_INSTALL, '--prefix', folder, `${name}@${major}`], { cwd: folder });
  return join(folder, 'node_modules', name, 'bin/node');
}

/** A project with the packed package and this undici, in which the compiled benchmarks find both. */
async function installProject(workshop: string, tarball: string, undici: string): Promise<string> {
  const folder = join(workshop, `undici${undici}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  await run([...NPM_INSTALL, '--prefix', folder, tarball, `undici@${undici}`], { cwd: folder });
  cpSync('bench/dist', join(folder, 'bench/dist'), { recursive: true });
  symlinkSync(join(folder, 'node_modules/rufus-client/dist'), join(folder, 'dist'));
  return folder;
}

const versionOf = (folder: string): string =>
  JSON.parse(readFileSync(join(folder, 'node_modules/undici/package.json'), 'utf8')).version;

await prepare([]);
const workshop = mkdtempSync(join(tmpdir(), 'rufus-peers-'));
try {
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', workshop];
  const [{ filename }] = JSON.parse(
    execFileSync('npm', pack, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  );
  const nodes = new Map<string, string>();
  const projects = new Map<string, string>();
  for (const { node, undici } of CELLS) {
    if (!nodes.has(node)) nodes.set(node, await installNode(workshop, node));
    if (!projects.has(undici)) projects.set(undici, await installProject(workshop, join(workshop, filename), undici));
  }
  const measured = CELLS.map(({ node, undici }) => {
    const execPath = nodes.get(node)!;
    const cwd = projects.get(undici)!;
    const version = execFileSync(execPath, ['--version'], { encoding: 'utf8' }).trim().slice(1);
    return { name: `Node ${version}, undici ${versionOf(cwd)}`, cwd, execPath, rounds: [] as PeerFigure[][] };
  });
  for (let round = 0; round < ROUNDS; round++) {
    for (const { cwd, execPath, rounds } of measured)
      rounds.push(await resultOf<PeerFigure[]>('peers-process', [pace], { cwd, execPath, execArgv: ['--expose-gc'] }));
  }
  const figure = (rounds: PeerFigure[][], index: number, of: (figure: PeerFigure) => number): number =>
    median(rounds.map((figures) => of(figures[index]!)));
  const [first] = measured;
  const tables = first!.rounds[0]!.map(({ what }, index) => ({
    columns: [what, 'CPU µs', 'bare undici', 'ratio', 'of the first row'],
    rows: measured.map(({ name, rounds }) => {
      const ours = figure(rounds, index, (each) => each.ours);
      return [
        name,
        ours.toFixed(0),
        figure(rounds, index, (each) => each.theirs).toFixed(0),
        figure(rounds, index, (each) => each.ratio).toFixed(2),
        (ours / figure(first!.rounds, index, (each) => each.ours)).toFixed(2),
      ];
    }),
  }));
  const how =
    'CPU time a call, in this process alone, against bare undici of the same version on the same Node; and what it is of that in the first row.';
  console.log(`\n${reportMarkdown({ title: 'Newer Nodes and undicis', how, tables, goals: [] })}`);
} finally {
  rmSync(workshop, { recursive: true, force: true });
}
