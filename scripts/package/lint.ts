// Packs what was built and lints the tarball: what is in it, its manifest (publint), its types (attw), and whether editors and
// stack traces find the sources.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { definitionFaults } from './definitions.js';

const ALLOWED = [
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|llms\.txt|openapi\/rufus\.yaml|docs\/[\w-]+\.md)$/,
  /^dist\/[\w-]+\.(js|cjs|d\.ts|d\.cts)(\.map)?$/,
  /^dist\/bundled-licenses\.txt$/,
  /^src\/(?!cli\/)([\w-]+\/)*([\w.-]+\.ts|README\.md)$/,
];
const NEEDED = [
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'llms.txt',
  'docs/README.md',
  'dist/index.js',
  'dist/index.cjs',
  'dist/rufus.js',
  'dist/rufus-sandbox.js',
  'dist/bundled-licenses.txt',
];

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
  readonly size: number;
}

function pack(folder: string): Packed {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  return JSON.parse(execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }))[0];
}

function contentsAreRight({ files, size }: Packed): boolean {
  const paths = files.map(({ path }) => path);
  const complaints = [
    ...paths
      .filter((path) => !ALLOWED.some((allowed) => allowed.test(path)))
      .map((path) => `${path} does not belong in the package`),
    ...NEEDED.filter((path) => !paths.includes(path)).map((path) => `${path} is missing from the package`),
  ];
  for (const complaint of complaints) console.error(complaint);
  console.log(`${paths.length} files, ${Math.round(size / 1024)} KiB packed`);
  return complaints.length === 0;
}

/** Nothing of ours runs on a user's machine before they import it. */
function hasNoInstallScripts(): boolean {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  const found = ['preinstall', 'install', 'postinstall', 'prepare'].filter((name) => name in scripts);
  for (const name of found) console.error(`package.json must not have the script ${name}`);
  return found.length === 0;
}

/** A project with the package in its node_modules, and there, too, what the package's types speak of. */
function install(tarball: string, project: string): string {
  const installed = join(project, 'node_modules/rufus-client');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);
  for (const name of ['zod', 'undici', 'msw', '@types']) {
    symlinkSync(resolve('node_modules', name), join(project, 'node_modules', name), 'junction');
  }
  return installed;
}

/** Each built file of the library has a map, and each map names sources that are there. */
function mapFaults(installed: string): string[] {
  const dist = join(installed, 'dist');
  return readdirSync(dist)
    .filter((name) => /\.[cm]?[jt]s$/.test(name) && !name.startsWith('rufus'))
    .flatMap((name) => {
      if (!existsSync(join(dist, `${name}.map`))) return [`dist/${name} has no map`];
      const { sources }: { sources: string[] } = JSON.parse(readFileSync(join(dist, `${name}.map`), 'utf8'));
      const missing = sources.filter((source) => !existsSync(join(dist, source)));
      return missing.map((source) => `The map of dist/${name} names ${source}, which is not in the package`);
    });
}

/** The stack of an error that the package throws, in ESM and in CommonJS. */
function stackFaults(project: string): string[] {
  const thrown = `try { new RufusClient({ apiKey: 5 }); } catch ({ stack }) { console.log(stack); }`;
  const programs = {
    module: `import { RufusClient } from 'rufus-client'; ${thrown}`,
    commonjs: `const { RufusClient } = require('rufus-client'); ${thrown}`,
  };
  return Object.entries(programs).flatMap(([type, code]) => {
    const args = ['--enable-source-maps', `--input-type=${type}`, '--eval', code];
    const stack = execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8' });
    const arrives = /rufus-client[\\/]src[\\/]core[\\/]options\.ts:\d+/.test(stack);
    return arrives ? [] : [`A stack trace (${type}) does not lead to src/:\n${stack}`];
  });
}

async function sourcesAreFound(tarball: string, project: string): Promise<boolean> {
  const installed = install(tarball, project);
  const faults = [
    ...mapFaults(installed),
    ...stackFaults(project),
    ...(await definitionFaults(project, 'module')),
    ...(await definitionFaults(project, 'commonjs')),
  ];
  for (const fault of faults) console.error(fault);
  return faults.length === 0;
}

const passes = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;

const folder = mkdtempSync(join(tmpdir(), 'rufus-package-'));
try {
  const packed = pack(folder);
  const tarball = join(folder, packed.filename);
  const verdicts = [
    contentsAreRight(packed),
    hasNoInstallScripts(),
    passes('publint', 'run', '--strict', tarball),
    passes('attw', tarball),
    await sourcesAreFound(tarball, join(folder, 'project')),
  ];
  if (verdicts.includes(false)) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}
