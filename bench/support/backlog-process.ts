import { outboxAt } from './outbox.js';

/** How a process came up with a backlog in its folder, and got rid of it. */
export interface Backlog {
  readonly pending: number;
  readonly openMs: number;
  readonly firstRequestMs: number;
  readonly drainMs: number;
  readonly mostResidentMb: number;
}

// In a process of its own: what it holds in memory is the measure.
const [directory = '', baseUrl = ''] = process.argv.slice(2);
let mostResident = 0;
const sample = (): void => {
  mostResident = Math.max(mostResident, process.memoryUsage.rss());
};
const sampling = setInterval(sample, 20);
const startedAt = performance.now();
const outbox = await outboxAt(directory, baseUrl);
const openMs = performance.now() - startedAt;
const { pending } = outbox.stats();
let firstRequestMs = 0;
outbox.on('delivered', () => {
  firstRequestMs ||= performance.now() - startedAt;
});
await outbox.drained();
const drainMs = performance.now() - startedAt;
sample();
clearInterval(sampling);
await outbox.close();
const backlog: Backlog = { pending, openMs, firstRequestMs, drainMs, mostResidentMb: mostResident / 2 ** 20 };
process.send?.(backlog);
process.disconnect?.();
