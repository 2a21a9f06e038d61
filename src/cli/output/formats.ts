import { type Command, Option } from 'commander';
import type { Context } from '../context.js';
import { type CsvOptions, csvHead, csvLines } from './csv.js';
import type { Sink } from './stdout.js';
import { Table, type TableHints } from './table.js';

const FORMATS = ['table', 'csv', 'jsonl', 'json'] as const;
export type Format = (typeof FORMATS)[number];

/** What `withFormat` adds to a command. */
export interface FormatOptions {
  readonly format?: Format | undefined;
  readonly json?: boolean | undefined;
}

/** The fields of a record: all that a CSV file has, and in which order a table shows what fits. */
export interface Fields<T extends object> {
  readonly all: readonly (keyof T & string)[];
  readonly table: readonly (keyof T & string)[];
}

/** Adds `--format` and `--json`. `elsewhere`: the default where standard output is no terminal. */
export function withFormat(
  command: Command,
  { elsewhere = 'csv', formats = FORMATS }: { elsewhere?: Format; formats?: readonly Format[] } = {},
): Command {
  const defaults = `table on a terminal, ${elsewhere} elsewhere`;
  return command
    .addOption(new Option('--format <format>', `how to print it (default: ${defaults})`).choices(formats))
    .addOption(new Option('--json', 'JSON lines; of a single object, JSON').conflicts('format'));
}

/** `elsewhere`: where it is no table. `isOne`: of a single record. `isFile`: it does not go to standard output. */
export function chosenFormat(
  { format, json }: FormatOptions,
  { elsewhere = 'csv', isOne = false, isFile = false }: { elsewhere?: Format; isOne?: boolean; isFile?: boolean } = {},
): Format {
  if (json === true) return isOne ? 'json' : 'jsonl';
  return format ?? (process.stdout.isTTY && !isFile ? 'table' : elsewhere);
}

/** Turns records into text, a chunk at a time. */
export interface RecordWriter<T> {
  readonly head: string;
  chunk(records: readonly T[]): string;
  tail(): string;
}

export function recordWriter<T extends object>(
  format: Format,
  fields: Fields<T>,
  context: Context,
  options: CsvOptions & TableHints<T> = {},
): RecordWriter<T> {
  switch (format) {
    case 'csv':
      return {
        head: csvHead(fields.all),
        chunk: (records) => csvLines(fields.all, records, options),
        tail: () => '',
      };
    case 'jsonl':
      return { head: '', chunk: jsonLines, tail: () => '' };
    case 'json':
      return jsonArray();
    case 'table':
      return tableWriter(fields, context, options);
  }
}

/** Writes whole lists, page by page. What fails before its first page writes nothing. */
export async function writeRecords<T extends object>(
  sink: Sink,
  writer: RecordWriter<T>,
  pages: AsyncIterable<readonly T[]> | Iterable<readonly T[]>,
): Promise<number> {
  let { head } = writer;
  let count = 0;
  for await (const records of pages) {
    if (records.length === 0) continue;
    await sink.write(head + writer.chunk(records));
    head = '';
    count += records.length;
  }
  const tail = head + writer.tail();
  if (tail !== '') await sink.write(tail);
  return count;
}

function jsonLines(records: readonly object[]): string {
  let lines = '';
  for (const record of records) lines += `${JSON.stringify(record)}\n`;
  return lines;
}

/** One array, a record a line. */
function jsonArray(): RecordWriter<object> {
  let separator = '';
  return {
    head: '[',
    chunk(records) {
      const text = records.map((record) => JSON.stringify(record)).join(',\n');
      const before = `${separator}\n`;
      separator = ',';
      return before + text;
    },
    tail: () => '\n]\n',
  };
}

function tableWriter<T extends object>(
  fields: Fields<T>,
  { screen }: Context,
  { usual }: TableHints<T>,
): RecordWriter<T> {
  const isTerminal = process.stdout.isTTY === true;
  const width = isTerminal ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY;
  const table = new Table(fields.table, { width, hasColor: isTerminal && screen.hasColor, usual });
  let isEmpty = true;
  return {
    head: '',
    chunk(records) {
      isEmpty = false;
      return table.lines(records);
    },
    tail() {
      if (isEmpty) return table.lines([]);
      const { leftOut } = table;
      if (leftOut.length > 0) screen.note(`Too narrow for: ${leftOut.join(', ')}. All of it: --format csv`);
      return '';
    },
  };
}
