import { styleText } from 'node:util';
import truncatedWidth from 'fast-string-truncated-width';
import { printable } from './printable.js';

const GAP = '  ';

export interface TableHints<T> {
  /** A row of usual widths, where the first rows to come may be narrower than later ones. */
  readonly usual?: T | undefined;
}

export interface TableOptions<T> extends TableHints<T> {
  /** Characters a line; columns that do not fit are left out. */
  readonly width: number;
  readonly hasColor: boolean;
}

/** Rows in columns, a chunk at a time: the first one decides which columns fit and how wide they are. */
export class Table<T extends object> {
  readonly #options: TableOptions<T>;
  readonly #candidates: readonly (keyof T & string)[];
  #columns: { readonly name: keyof T & string; readonly width: number; readonly isNumber: boolean }[] | undefined;

  constructor(candidates: readonly (keyof T & string)[], options: TableOptions<T>) {
    this.#candidates = candidates;
    this.#options = options;
  }

  /** Columns that the terminal is too narrow for. */
  get leftOut(): readonly string[] {
    return this.#candidates.slice(this.#columns?.length ?? 0);
  }

  lines(rows: readonly T[]): string {
    const head = this.#columns === undefined ? this.#begin(rows) : '';
    const columns = this.#columns ?? [];
    return head + rows.map((row) => lineOf(columns.map((column) => fill(textOf(row[column.name]), column)))).join('');
  }

  #begin(rows: readonly T[]): string {
    const { usual, width: limit } = this.#options;
    const measured = usual === undefined ? rows : [...rows, usual];
    this.#columns = [];
    let used = -GAP.length;
    for (const name of this.#candidates) {
      const cells = measured.map((row) => textOf(row[name]));
      const width = Math.max(...[name, ...cells].map(widthOf));
      used += GAP.length + width;
      if (used > limit && this.#columns.length > 0) break;
      this.#columns.push({ name, width, isNumber: measured.some((row) => typeof row[name] === 'number') });
    }
    const head = lineOf(this.#columns.map((column) => fill(column.name, column))).trimEnd();
    return `${this.#options.hasColor ? styleText('bold', head) : head}\n`;
  }
}

/** One object, a field a line. */
export function sheet(record: object, { hasColor }: { hasColor: boolean }): string {
  const fields = Object.entries(record);
  const width = Math.max(...fields.map(([name]) => name.length));
  const label = (name: string) => (hasColor ? styleText('bold', name.padEnd(width)) : name.padEnd(width));
  return fields
    .map(([name, value]) => `${label(name)}${GAP}${textOf(value)}`.trimEnd())
    .join('\n')
    .concat('\n');
}

const widthOf = (text: string): number => truncatedWidth(text).width;

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return printable(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

function fill(text: string, { width, isNumber }: { width: number; isNumber: boolean }): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)));
  return isNumber ? blanks + text : text + blanks;
}

const lineOf = (cells: readonly string[]): string => `${cells.join(GAP).trimEnd()}\n`;
