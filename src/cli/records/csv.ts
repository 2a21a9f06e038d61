import { CsvError, parse } from 'csv-parse/sync';
import { MalformedError, UnclosedQuoteError } from './line-error.js';

/** The cells of one record of RFC 4180, as they are: nothing is trimmed, unescaped or converted but the quotes. */
export function cellsOf(record: string, delimiter: string): string[] {
  if (!record.includes('"')) {
    if (record.includes('\r')) throw new MalformedError('has a carriage return outside of quotes');
    return record.split(delimiter);
  }
  const [cells, ...more] = parsed(record, delimiter);
  const hasBareReturn = record.includes('\r') && record.replace(/"[^"]*"/g, '').includes('\r');
  if (cells === undefined || more.length > 0 || hasBareReturn)
    throw new MalformedError('has a line break outside of quotes');
  return cells;
}

function parsed(record: string, delimiter: string): string[][] {
  try {
    return parse(record, { delimiter, record_delimiter: '\n', relax_column_count: true });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    if (error.code === 'CSV_QUOTE_NOT_CLOSED') throw new UnclosedQuoteError('has a quote that is not closed');
    throw new MalformedError(
      'has a quote in the wrong place: a cell with quotes in it stands in quotes, with each of them doubled',
    );
  }
}
