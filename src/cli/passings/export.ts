import { extname } from 'node:path';
import type { Page, Passing, Passings } from 'rufus-client';
import { CommandError, misuse } from '../command-error.js';
import type { Context } from '../context.js';
import { Draft } from '../output/draft.js';
import { chosenFormat, type Format, type FormatOptions, recordWriter, writeRecords } from '../output/formats.js';
import { Progress, shown } from '../output/progress.js';
import { type Sink, stdout } from '../output/stdout.js';
import { PASSING, withUtcTimes } from './fields.js';

export interface ExportOptions extends FormatOptions {
  readonly session?: string;
  readonly device?: string;
  readonly first?: number;
  readonly last?: number;
  readonly from?: string;
  readonly to?: string;
  readonly output?: string;
  readonly force?: boolean;
  readonly spreadsheet?: boolean;
}

/** Pages under way ahead of the one that is written. */
const PREFETCH = 4;
const BY_EXTENSION: Readonly<Record<string, Format>> = {
  '.csv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'json',
};

/** A session, or what a device has read, into a file or to standard output. */
export async function exportPassings(context: Context, options: ExportOptions): Promise<void> {
  const pages = pagesOf((await context.client()).passings, context, options);
  const { output, force } = options;
  if (output === undefined || output === '-') {
    await write(stdout, chosenFormat(options), pages, context, options);
    return;
  }
  await using draft = await Draft.open(output, { force });
  const format = chosenFormat(options, {
    elsewhere: BY_EXTENSION[extname(output).toLowerCase()] ?? 'csv',
    isFile: true,
  });
  const count = await write(draft, format, pages, context, options);
  await draft.finish();
  context.screen.clearStatus();
  context.screen.note(`${shown(count)} passings written to ${output}`);
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

async function write(
  sink: Sink,
  format: Format,
  pages: AsyncIterable<Page<Passing>>,
  context: Context,
  { session, first, last, spreadsheet }: ExportOptions,
): Promise<number> {
  const { screen, signal } = context;
  // Where the records themselves run over the screen, a bar would only get in between.
  const isWatched = screen.isWatched && !(sink === stdout && process.stdout.isTTY);
  const progress = new Progress(screen, 'Exporting');
  if (isWatched && session !== undefined && first === undefined && last === undefined) {
    void learnTotal(context, session, progress);
  }
  let count = 0;
  async function* counted(): AsyncGenerator<readonly Passing[]> {
    for await (const { items } of pages) {
      yield withUtcTimes(items);
      count += items.length;
      if (isWatched) progress.at(count);
    }
  }
  try {
    return await writeRecords(sink, recordWriter(format, PASSING, context, { spreadsheet }), counted());
  } catch (error) {
    if (!signal.aborted) throw error;
    const left = sink === stdout ? 'what was written is not all of it' : 'no file was written';
    throw new CommandError(`Stopped after ${shown(count)} passings: ${left}. Run it again.`);
  }
}

/** Only for the bar: without it, there is none. */
async function learnTotal(context: Context, session: string, progress: Progress): Promise<void> {
  try {
    const { passings } = await (await context.client()).sessions.get(session, context.call);
    progress.total = passings ?? undefined;
  } catch {
    // The export itself tells what is wrong.
  }
}
