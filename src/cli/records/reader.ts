import { cellsOf } from './csv.js';
import { cellValue, type Fields, memberValue, NUMBERED, type RecordedPassing, UNNUMBERED } from './fields.js';
import { membersOf } from './json.js';
import { LineError, MalformedError, UnclosedQuoteError } from './line-error.js';
import type { Line } from './lines.js';
import { type ReadTime, type TimeOptions, timeReader } from './time.js';

export interface RecordOptions extends TimeOptions {
  /** Default: JSON lines where the first line begins with a brace, else CSV. */
  readonly format?: 'csv' | 'jsonl' | undefined;
  /** The columns of a CSV that has no header; one without a name is left out. */
  readonly columns?: readonly string[] | undefined;
  /** One character. Default a comma. */
  readonly delimiter?: string | undefined;
  /** Lines may have a number, and what exports have besides, which is left out. Default: they may not. */
  readonly numbered?: boolean | undefined;
  /** The bib of a line that has a chip only. Default: such a line is refused. */
  readonly bibOf?: ((chip: string) => string) | undefined;
}

/** How lines are to be read: the options, checked. */
export interface RecordFormat {
  readonly format: 'csv' | 'jsonl' | undefined;
  readonly columns: readonly string[] | undefined;
  readonly delimiter: string;
  readonly fields: Fields;
  readonly readTime: ReadTime;
  readonly bibOf: ((chip: string) => string) | undefined;
}

/** @throws RangeError - an option is unusable; the message names it */
export async function recordFormat(options: RecordOptions): Promise<RecordFormat> {
  const { format, columns, delimiter = ',', numbered = false, bibOf } = options;
  const fields = numbered ? NUMBERED : UNNUMBERED;
  if (delimiter.length !== 1 || /["\r\n\0]/.test(delimiter)) {
    throw new RangeError('--delimiter takes one character, and neither a quote nor a line break');
  }
  if (format === 'jsonl' && (columns ?? options.delimiter) !== undefined) {
    throw new RangeError(`${columns ? '--columns' : '--delimiter'} is for CSV, not for JSON lines`);
  }
  const fault = columns === undefined ? undefined : columnsFault(columns, fields, bibOf !== undefined, true);
  if (fault !== undefined) throw new RangeError(`--columns ${fault}`);
  const isCsv = (columns ?? options.delimiter) !== undefined;
  return {
    format: isCsv ? 'csv' : format,
    columns,
    delimiter,
    fields,
    readTime: await timeReader(options),
    bibOf,
  };
}

/** A line that has become a passing. */
export interface GoodReading {
  readonly passing: RecordedPassing;
  readonly reason?: undefined;
  readonly malformed?: undefined;
}

/** A line that has not, and why. */
export interface BadReading {
  readonly passing?: undefined;
  readonly reason: string;
  /** Where its cells cannot be told apart: because a quote is still open at its end, or for another cause. */
  readonly malformed?: 'unclosed' | 'otherwise' | undefined;
}

/** What a line is; undefined: no passing, and it need not be one (blank, a header). */
export type Reading = GoodReading | BadReading | undefined;

type ReadText = (text: string) => RecordedPassing | undefined;

const BOM = '\uFEFF';

/** Reads the lines of one input: of a file, of a connection. The first one may be a header, or a byte order mark before it. */
export class RecordReader {
  readonly #format: RecordFormat;
  #read: ReadText | undefined;

  constructor(format: RecordFormat) {
    this.#format = format;
  }

  /** Whether a line has shown how to read the others. */
  get knowsLayout(): boolean {
    return this.#read !== undefined;
  }

  /** Never throws: what is wrong with a line is its reading. */
  read(line: Line): Reading {
    return line.text === undefined ? { reason: line.fault } : this.readText(line.text);
  }

  /** The same for a record that has been put together from several lines. */
  readText(line: string): Reading {
    const text = this.#read === undefined && line.startsWith(BOM) ? line.slice(1) : line;
    if (text === '') return undefined;
    try {
      this.#read ??= this.#layout(text);
      const passing = this.#read(text);
      return passing && { passing };
    } catch (error) {
      if (error instanceof LineError) return badReading(error);
      throw error;
    }
  }

  /** How the input's lines are read, as its first one shows. */
  #layout(first: string): ReadText {
    const { format, columns, delimiter } = this.#format;
    if ((format ?? (first.trimStart().startsWith('{') ? 'jsonl' : 'csv')) === 'jsonl') return jsonLines(this.#format);
    if (columns !== undefined) return csvLines(this.#format, columns, columns.join(delimiter));
    const { fields, bibOf } = this.#format;
    const names = headerCells(first, delimiter);
    const fault = columnsFault(names, fields, bibOf !== undefined, false);
    if (fault === undefined) return csvLines(this.#format, names, first);
    return () => {
      throw new LineError(`the first line is no header that can be used: it ${fault}`);
    };
  }
}

function badReading(error: LineError): BadReading {
  const reason = error.message;
  if (error instanceof UnclosedQuoteError) return { reason, malformed: 'unclosed' };
  return error instanceof MalformedError ? { reason, malformed: 'otherwise' } : { reason };
}

function headerCells(first: string, delimiter: string): string[] {
  try {
    return cellsOf(first, delimiter);
  } catch {
    return [''];
  }
}

function csvLines(
  { fields, readTime, delimiter, bibOf }: RecordFormat,
  names: readonly string[],
  header: string,
): ReadText {
  const columns = names.map((name) => ({ name, kind: fields.get(name) ?? 'left out' }) as const);
  return (text) => {
    // A program that is started again may write its header again.
    if (text === header) return undefined;
    const cells = cellsOf(text, delimiter);
    if (cells.length !== columns.length) {
      throw new MalformedError(`has ${cells.length} cells where there are ${columns.length} columns`);
    }
    const passing: Record<string, unknown> = {};
    for (let index = 0; index < cells.length; index++) {
      const { name, kind } = columns[index]!;
      const value = cellValue(name, kind, cells[index]!, readTime);
      if (value !== undefined) passing[name] = value;
    }
    return completed(passing, bibOf);
  };
}

function jsonLines({ fields, readTime, bibOf }: RecordFormat): ReadText {
  return (text) => {
    const members = membersOf(text);
    const passing: Record<string, unknown> = {};
    for (const name of Object.keys(members)) {
      const kind = fields.get(name);
      if (kind === undefined) throw new LineError(unknownField(name, fields));
      const value = memberValue(name, kind, members[name], readTime);
      if (value !== undefined) passing[name] = value;
    }
    if (passing.timestamp === undefined) throw new LineError('timestamp: missing');
    return completed(passing, bibOf);
  };
}

function completed(passing: Record<string, unknown>, bibOf: RecordFormat['bibOf']): RecordedPassing {
  const { bib, chip } = passing;
  if (bib === undefined || bib === null || bib === '') {
    if (typeof chip !== 'string' || chip === '') throw new LineError('bib: missing');
    if (bibOf === undefined) throw new LineError('bib: missing; with --bibs the chip is enough');
    passing.bib = bibOf(chip);
  }
  return passing as RecordedPassing;
}

/** What is wrong with these columns; undefined where nothing is. */
function columnsFault(
  names: readonly string[],
  fields: Fields,
  chipIsEnough: boolean,
  mayLeaveOut: boolean,
): string | undefined {
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (name === '' && mayLeaveOut) continue;
    if (name === '') return `has no name for column ${index + 1}`;
    if (!fields.has(name)) return `has an ${unknownField(name, fields)}`;
    if (seen.has(name)) return `names ${name} twice`;
    seen.add(name);
  }
  if (!seen.has('timestamp')) return 'names no timestamp';
  if (!seen.has('bib') && !(chipIsEnough && seen.has('chip')))
    return chipIsEnough ? 'names neither bib nor chip' : 'names no bib (with --bibs a chip is enough)';
  return undefined;
}

/** A name is repeated only where it looks like one: the line may hold what is nobody's business. */
function unknownField(name: string, fields: Fields): string {
  const shown = /^[A-Za-z_][\w .-]{0,31}$/.test(name) ? ` ${JSON.stringify(name)}` : '';
  return `unknown field${shown}; there are ${[...fields.keys()].join(', ')}`;
}
