import { type Command, Option } from 'commander';
import { misuse } from '../command-error.js';
import { type RecordFormat, type RecordOptions, recordFormat } from './reader.js';

/** What `withRecordOptions` adds to a command. */
export interface GivenRecordOptions {
  readonly format?: 'csv' | 'jsonl' | undefined;
  readonly columns?: string | undefined;
  readonly delimiter?: string | undefined;
  readonly timezone?: string | undefined;
  readonly ambiguous?: 'earlier' | 'later' | undefined;
  readonly date?: string | undefined;
}

/** Adds the options that say how lines are read. */
export function withRecordOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--format <format>', 'what the lines are (default: what the first one looks like)').choices([
        'csv',
        'jsonl',
      ]),
    )
    .option(
      '--columns <names>',
      'the columns of a CSV without a header: bib,chip,timestamp; one without a name is left out',
    )
    .option('--delimiter <character>', 'what stands between two cells; \\t for a tab (default: a comma)')
    .option('--timezone <zone>', 'the zone of times that do not say theirs: Europe/Madrid')
    .addOption(
      new Option(
        '--ambiguous <which>',
        'what a time means that the change of the clocks made exist twice, or not at all (default: an error)',
      ).choices(['earlier', 'later']),
    )
    .option('--date <day>', 'the day of times of day: 2026-05-03, or 2026-05-03T18:00, from which on they count');
}

/** @throws {CommandError} where they cannot be used */
export async function givenRecordFormat(
  { columns, delimiter, ...options }: GivenRecordOptions,
  more: Pick<RecordOptions, 'numbered' | 'bibOf'> = {},
): Promise<RecordFormat> {
  try {
    return await recordFormat({
      ...options,
      columns: columns?.split(','),
      delimiter: delimiter === '\\t' ? '\t' : delimiter,
      ...more,
    });
  } catch (error) {
    if (error instanceof RangeError) throw misuse(`${error.message}.`);
    throw error;
  }
}
