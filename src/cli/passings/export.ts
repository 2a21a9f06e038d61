import type { Page, Passing, Passings } from 'rufus-client';
import { misuse } from '../command-error.js';
import type { Context } from '../context.js';
import { exportRecords, type OutputOptions } from '../output/export.js';
import type { Progress } from '../output/progress.js';
import { PASSING, withUtcTimes } from './fields.js';

export interface ExportOptions extends OutputOptions {
  readonly session?: string;
  readonly device?: string;
  readonly first?: number;
  readonly last?: number;
  readonly from?: string;
  readonly to?: string;
}

/** Pages under way ahead of the one that is written. */
const PREFETCH = 4;

/** A session, or what a device has read, into a file or to standard output. */
export async function exportPassings(context: Context, options: ExportOptions): Promise<void> {
  const { session, first, last } = options;
  const pages = pagesOf((await context.client()).passings, context, options);
  const isWhole = session !== undefined && first === undefined && last === undefined;
  const learnTotal = isWhole ? (progress: Progress) => totalOf(context, session, progress) : undefined;
  await exportRecords(context, options, PASSING, inUtc(pages), learnTotal);
}

function pagesOf(passings: Passings, { call }: Context, options: ExportOptions): AsyncIterable<Page<Passing>> {
  const { session, device, first, last, from, to } = options;
  if ((session === undefined) === (device === undefined)) throw misuse('Name either --session or --device.');
  if (session !== undefined) {
    if (from !== undefined || to !== undefined) throw misuse('--from and --to go with --device.');
    return passings.listBySession(session, { first, last, prefetch: PREFETCH }, call).pages();
  }
  if (first !== undefined || last !== undefined) throw misuse('--first and --last go with --session.');
  return passings.listByDevice(device!, { from, to, prefetch: PREFETCH }, call).pages();
}

async function* inUtc(pages: AsyncIterable<Page<Passing>>): AsyncGenerator<readonly Passing[]> {
  for await (const { items } of pages) yield withUtcTimes(items);
}

/** Only for the bar: without it, there is none. */
async function totalOf(context: Context, session: string, progress: Progress): Promise<void> {
  try {
    const { passings } = await (await context.client()).sessions.get(session, context.call);
    progress.total = passings ?? undefined;
  } catch {
    // The export itself tells what is wrong.
  }
}
