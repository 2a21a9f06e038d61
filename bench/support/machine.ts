import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** The head of the results: where, when and with what they were measured. */
export function machineMarkdown(): string {
  const [cpu] = cpus();
  const versions = [
    `rufus-client ${versionIn('package.json')} (${revision()})`,
    `Node ${process.versions.node}`,
    `V8 ${process.versions.v8}`,
    ...['undici', 'zod'].map((name) => `${name} ${versionIn(`node_modules/${name}/package.json`)}`),
    ...['axios', 'got', 'ky', 'openapi-fetch'].map(
      (name) => `${name} ${versionIn(`bench/node_modules/${name}/package.json`)}`,
    ),
  ];
  return [
    '# Benchmark results',
    'Written by `npm run bench`. Compare ratios, not absolute figures: contestants run in one process, in turn, slice by slice, their order reversed every other round; a ratio is the median of neighbouring slices, with the middle half of them in brackets.',
    [
      `- Date: ${new Date().toISOString().slice(0, 10)}`,
      `- Machine: ${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}; load ${loadavg()[0]?.toFixed(1)} at the end`,
      `- Versions: ${versions.join(', ')}`,
    ].join('\n'),
  ].join('\n\n');
}

function versionIn(file: string): string {
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

function revision(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'no repository';
  }
}
