import { type Line, LineSplitter, MAX_LINE_BYTES } from './lines.js';
import { type Reading, type RecordFormat, RecordReader } from './reader.js';

/** A record of a file: what it is, and where it stands there. */
export type NumberedReading = NonNullable<Reading> & {
  /** The number of its first line, from 1. */
  readonly line: number;
};

/** The records of a whole file: CSV of RFC 4180, where a quoted cell may hold line breaks, or JSON lines. Its last line needs no line break. */
export async function* readRecords(
  source: AsyncIterable<Uint8Array>,
  format: RecordFormat,
): AsyncGenerator<NumberedReading, void, undefined> {
  const reader = new RecordReader(format);
  const lines = new LineQueue(source);
  try {
    for (let line = await lines.peek(0); line !== undefined; line = await lines.peek(0)) {
      const number = lines.number;
      let reading = reader.read(line);
      let taken = 1;
      if (reading?.malformed === 'unclosed') {
        const longer = await continued(reader, lines, line);
        // Where the quote closes nowhere, this line is wrong, and not those behind it.
        if (longer !== undefined) [reading, taken] = longer;
      }
      lines.drop(taken);
      if (reading !== undefined) yield { ...reading, line: number };
    }
  } finally {
    await lines.close();
  }
}

/** The record that begins with this line, whose last quote is open, and how many lines it has. */
async function continued(reader: RecordReader, lines: LineQueue, first: Line): Promise<[Reading, number] | undefined> {
  let record = '';
  let quotes = 0;
  for (let index = 0, line: Line | undefined = first; line !== undefined; line = await lines.peek(++index)) {
    if (line.text === undefined) return undefined;
    record += line.text;
    if (record.length > MAX_LINE_BYTES) return undefined;
    quotes += line.text.split('"').length - 1;
    if (quotes % 2 === 0) {
      const reading = reader.readText(record);
      return reading?.malformed === undefined ? [reading, index + 1] : undefined;
    }
    record += line.crlf ? '\r\n' : '\n';
  }
  return undefined;
}

/** Lines that have come and are not dealt with. */
class LineQueue {
  readonly #splitter = new LineSplitter();
  readonly #chunks: AsyncIterator<Uint8Array>;
  #lines: Line[] = [];
  #first = 0;
  #ended = false;
  /** The number of the line that {@link peek}(0) gives. */
  number = 1;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  async peek(ahead: number): Promise<Line | undefined> {
    while (this.#first + ahead >= this.#lines.length && !this.#ended) await this.#fill();
    return this.#lines[this.#first + ahead];
  }

  drop(count: number): void {
    this.#first += count;
    this.number += count;
  }

  async close(): Promise<void> {
    if (!this.#ended) await this.#chunks.return?.();
  }

  async #fill(): Promise<void> {
    const { value, done } = await this.#chunks.next();
    const rest = this.#lines.slice(this.#first);
    this.#first = 0;
    this.#ended = done === true;
    if (!this.#ended) {
      const { buffer, byteOffset, byteLength } = value as Uint8Array;
      this.#lines = [...rest, ...this.#splitter.push(Buffer.from(buffer, byteOffset, byteLength))];
      return;
    }
    const last = this.#splitter.finish();
    this.#lines = last === undefined ? rest : [...rest, last];
  }
}
