// The whole suite on every Node and every undici that are supported: npm run test:matrix
// One cell or one row of it: npm run test:matrix -- node24 undici8
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const NODES = ['20', '22', '24', '26'];
const UNDICIS = ['7', '8'];

interface Cell {
  readonly node: string;
  readonly undici: string;
}

/** undici 8 needs Node 22.19. */
const isPossible = ({ node, undici }: Cell): boolean => undici !== '8' || Number(node) >= 22;

function cellsFor(filters: readonly string[]): Cell[] {
  const chosen = (prefix: string, all: readonly string[]) => {
    const asked = filters.filter((filter) => filter.startsWith(prefix)).map((filter) => filter.slice(prefix.length));
    return asked.length === 0 ? all : all.filter((version) => asked.includes(version));
  };
  return chosen('node', NODES)
    .flatMap((node) => chosen('undici', UNDICIS).map((undici) => ({ node, undici })))
    .filter(isPossible);
}

function run(command: string, args: readonly string[], cwd: string, path = process.env.PATH): boolean {
  console.log(`\n$ ${[command, ...args].join(' ')}   (in ${cwd})`);
  const env = { ...process.env, PATH: path, CI: 'true' };
  const { status } = spawnSync(command, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] });
  return status === 0;
}

/** A Node of this major version from the registry; the folder of its command. */
function installNode(workshop: string, major: string): string | undefined {
  const folder = join(workshop, `node${major}`);
  // The package for this very platform: `node` itself would fetch it by an install script, which npm may not run.
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  mkdirSync(folder, { recursive: true });
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', folder, `${name}@${major}`];
  return run('npm', args, folder) ? join(folder, 'node_modules', name, 'bin') : undefined;
}

/** A copy of what is in version control, with its dependencies, and with this undici in place of the locked one. */
function installProject(workshop: string, undici: string): string | undefined {
  const folder = join(workshop, `undici${undici}`, 'project');
  const files = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0').filter(existsSync);
  for (const file of files.filter((name) => name !== '')) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(file, join(folder, file));
  }
  // Where the project's own tests look for optional data, beside it.
  if (existsSync('../shared')) symlinkSync(join(process.cwd(), '../shared'), join(folder, '../shared'));
  const quiet = ['--no-audit', '--no-fund'];
  if (!run('npm', ['ci', ...quiet], folder)) return;
  return run('npm', ['install', '--no-save', ...quiet, `undici@${undici}`], folder) ? folder : undefined;
}

const versionOf = (command: string, args: readonly string[], cwd: string, path: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', env: { ...process.env, PATH: path } }).trim();

const cells = cellsFor(process.argv.slice(2));
const workshop = mkdtempSync(join(tmpdir(), 'rufus-matrix-'));
const install = (versions: readonly string[], into: (workshop: string, version: string) => string | undefined) =>
  new Map([...new Set(versions)].map((version) => [version, into(workshop, version)]));

const rows: { node: string; undici: string; result: string; seconds: number }[] = [];
try {
  const nodes = install(
    cells.map(({ node }) => node),
    installNode,
  );
  const projects = install(
    cells.map(({ undici }) => undici),
    installProject,
  );
  for (const { node, undici } of cells) {
    const startedAt = performance.now();
    const [bin, folder] = [nodes.get(node), projects.get(undici)];
    const path = `${bin}${delimiter}${process.env.PATH}`;
    let result = 'not installed';
    let versions = { node, undici };
    if (bin !== undefined && folder !== undefined) {
      versions = {
        node: versionOf('node', ['--version'], folder, path),
        undici: versionOf('node', ['-p', 'require("undici/package.json").version'], folder, path),
      };
      result = run('npm', ['test'], folder, path) ? 'passed' : 'FAILED';
    }
    rows.push({ ...versions, result, seconds: Math.round((performance.now() - startedAt) / 1000) });
  }
} finally {
  rmSync(workshop, { recursive: true, force: true });
}

console.table(rows);
if (rows.length === 0 || rows.some(({ result }) => result !== 'passed')) process.exitCode = 1;
