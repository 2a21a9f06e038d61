// RFC 4180: CRLF, and quotes where they are needed.

export interface CsvOptions {
  /** Cells that a spreadsheet would take for a formula get an apostrophe before them. */
  readonly spreadsheet?: boolean | undefined;
}

const NEEDS_QUOTES = /[",\r\n]/;
/** What Excel, LibreOffice and Google Sheets calculate; the wide ones are Excel's in East Asia. */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
const NUMBER = /^[+-]?\d+(?:\.\d+)?$/;

/** One line for each row. */
export function csvLines<T extends object>(
  columns: readonly (keyof T & string)[],
  rows: readonly T[],
  { spreadsheet = false }: CsvOptions = {},
): string {
  const cell = spreadsheet ? harmlessCell : plainCell;
  let lines = '';
  for (const row of rows) {
    let separator = '';
    for (const column of columns) {
      lines += separator + cell(row[column]);
      separator = ',';
    }
    lines += '\r\n';
  }
  return lines;
}

export const csvHead = (columns: readonly string[]): string => `${columns.join(',')}\r\n`;

function plainCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  return NEEDS_QUOTES.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

function harmlessCell(value: unknown): string {
  const isFormula = typeof value === 'string' && FORMULA.test(value) && !NUMBER.test(value);
  return plainCell(isFormula ? `'${value}` : value);
}
