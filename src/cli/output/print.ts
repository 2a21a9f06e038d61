import type { Context } from '../context.js';
import { chosenFormat, type Fields, type FormatOptions, recordWriter, writeRecords } from './formats.js';
import { stdout } from './stdout.js';
import { sheet } from './table.js';

/** A list, page by page, on standard output. */
export async function printList<T extends object>(
  context: Context,
  options: FormatOptions,
  fields: Fields<T>,
  pages: AsyncIterable<readonly T[]> | Iterable<readonly T[]>,
): Promise<void> {
  await writeRecords(stdout, recordWriter(chosenFormat(options), fields, context), pages);
}

/** A single object on standard output. */
export async function printOne<T extends object>(
  context: Context,
  options: FormatOptions,
  fields: readonly (keyof T & string)[],
  record: T,
): Promise<void> {
  const format = chosenFormat(options, { isOne: true });
  if (format === 'table') {
    const hasColor = process.stdout.isTTY === true && context.screen.hasColor;
    return stdout.write(sheet(record, { hasColor }));
  }
  if (format === 'json') return stdout.write(`${JSON.stringify(record, null, 2)}\n`);
  await writeRecords(stdout, recordWriter(format, { all: fields, table: fields }, context), [[record]]);
}

/** The items of each page of a list. */
export async function* itemsOf<T>(
  pages: AsyncIterable<{ readonly items: readonly T[] }>,
): AsyncGenerator<readonly T[]> {
  for await (const { items } of pages) yield items;
}
