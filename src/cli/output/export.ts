import { extname } from 'node:path';
import type { Command } from 'commander';
import { CommandError } from '../command-error.js';
import type { Context } from '../context.js';
import { Draft } from './draft.js';
import { chosenFormat, type Fields, type Format, type FormatOptions, recordWriter, writeRecords } from './formats.js';
import { Progress, shown } from './progress.js';
import { type Sink, stdout } from './stdout.js';

/** What `withOutput` adds to a command. */
export interface OutputOptions extends FormatOptions {
  readonly output?: string;
  readonly force?: boolean;
  readonly spreadsheet?: boolean;
}

/** Adds `--output`, `--force` and `--spreadsheet`. */
export function withOutput(command: Command): Command {
  return command
    .option('-o, --output <file>', 'write to a file, which appears when it is complete; .csv, .jsonl and .json say how')
    .option('--force', 'replace a file that exists')
    .option('--spreadsheet', 'CSV: an apostrophe before cells that a spreadsheet would take for a formula');
}

const BY_EXTENSION: Readonly<Record<string, Format>> = {
  '.csv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'json',
};

/** Passings into a file or to standard output. `learnTotal`: finds out how many there will be, if somebody watches. */
export async function exportRecords<T extends object>(
  context: Context,
  options: OutputOptions,
  fields: Fields<T>,
  pages: AsyncIterable<readonly T[]>,
  learnTotal?: ((progress: Progress) => Promise<void>) | undefined,
): Promise<void> {
  const { output, force } = options;
  const writeTo = (sink: Sink, format: Format) => write(sink, format, context, options, fields, pages, learnTotal);
  if (output === undefined || output === '-') {
    await writeTo(stdout, chosenFormat(options));
    return;
  }
  await using draft = await Draft.open(output, { force });
  const elsewhere = BY_EXTENSION[extname(output).toLowerCase()] ?? 'csv';
  const count = await writeTo(draft, chosenFormat(options, { elsewhere, isFile: true }));
  await draft.finish();
  context.screen.clearStatus();
  context.screen.note(`${shown(count)} passings written to ${output}`);
}

async function write<T extends object>(
  sink: Sink,
  format: Format,
  context: Context,
  { spreadsheet }: OutputOptions,
  fields: Fields<T>,
  pages: AsyncIterable<readonly T[]>,
  learnTotal: ((progress: Progress) => Promise<void>) | undefined,
): Promise<number> {
  const { screen, signal } = context;
  // Where the records themselves run over the screen, a bar would only get in between.
  const isWatched = screen.isWatched && !(sink === stdout && process.stdout.isTTY);
  const progress = new Progress(screen, 'Exporting');
  if (isWatched) void learnTotal?.(progress);
  let count = 0;
  async function* counted(): AsyncGenerator<readonly T[]> {
    for await (const records of pages) {
      signal.throwIfAborted();
      yield records;
      count += records.length;
      if (isWatched) progress.at(count);
    }
  }
  try {
    return await writeRecords(sink, recordWriter(format, fields, context, { spreadsheet }), counted());
  } catch (error) {
    if (!signal.aborted) throw error;
    const left = sink === stdout ? 'what was written is not all of it' : 'no file was written';
    throw new CommandError(`Stopped after ${shown(count)} passings: ${left}. Run it again.`);
  }
}
