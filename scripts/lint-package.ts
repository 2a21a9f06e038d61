// Packs what was built and lints the tarball: what is in it, its manifest (publint), its types (attw).
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ALLOWED =
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|llms\.txt|docs\/[\w-]+\.md|dist\/[\w-]+\.(js|cjs|d\.ts|d\.cts)|dist\/bundled-licenses\.txt)$/;
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
    ...paths.filter((path) => !ALLOWED.test(path)).map((path) => `${path} does not belong in the package`),
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
  ];
  if (verdicts.includes(false)) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}
