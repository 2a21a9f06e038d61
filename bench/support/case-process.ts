import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Case, Effort } from './report.js';

// One case in a process of its own: nothing that another has compiled, allocated or left behind counts.
const [name, pace] = process.argv.slice(2);
const quick = pace === 'quick';
const effort: Effort = {
  quick,
  rounds: (count) => (quick ? 2 : count),
  ms: (duration) => (quick ? duration / 4 : duration),
};
const { run } = (await import(pathToFileURL(resolve('bench/dist', `${name}.js`)).href)) as { run: Case };
const report = await run(effort);
process.send?.(report);
process.disconnect?.();
