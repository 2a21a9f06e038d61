// Fails where the package would hold anything but what its users need, or miss any of it.
import { execFileSync } from 'node:child_process';

const ALLOWED =
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|docs\/[\w-]+\.md|dist\/[\w-]+\.(js|cjs|d\.ts|d\.cts))$/;
const NEEDED = ['README.md', 'CHANGELOG.md', 'LICENSE', 'dist/index.js', 'dist/index.cjs', 'dist/rufus-sandbox.js'];

const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const [{ files, size }] = JSON.parse(
  execFileSync(npm, ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }),
) as [{ files: { path: string }[]; size: number }];
const paths = files.map(({ path }) => path);

const complaints = [
  ...paths.filter((path) => !ALLOWED.test(path)).map((path) => `${path} does not belong in the package`),
  ...NEEDED.filter((path) => !paths.includes(path)).map((path) => `${path} is missing from the package`),
];
if (complaints.length > 0) {
  console.error(complaints.join('\n'));
  process.exitCode = 1;
} else {
  console.log(`${paths.length} files, ${Math.round(size / 1024)} KiB packed`);
}
