import { isUtf8 } from 'node:buffer';

/** The longest line that is read, without its line break. */
export const MAX_LINE_BYTES = 65_536;

const LF = 10;
const CR = 13;
const NOTHING = Buffer.alloc(0);

interface Place {
  /** Where it begins, in bytes from the start of the input. */
  readonly start: number;
  /** Behind its line break. */
  readonly end: number;
}

/** A line that is text. */
export interface TextLine extends Place {
  /** Without its line break. */
  readonly text: string;
  /** The line break was CR LF. */
  readonly crlf: boolean;
}

/** A line that is no text. */
export interface FaultyLine extends Place {
  readonly text: undefined;
  readonly fault: string;
  /** Its first {@link MAX_LINE_BYTES} bytes. */
  readonly bytes: Buffer;
}

export type Line = TextLine | FaultyLine;

/** Cuts bytes into lines, whatever pieces they come in. Holds at most one line in memory, and of a longer one its beginning. */
export class LineSplitter {
  /** Bytes of the line that is not complete yet, at the beginning of a buffer that grows with it. */
  #buffer: Buffer = NOTHING;
  #held = 0;
  /** Where the incomplete line begins. */
  #start: number;
  /** Its length so far, whether held or not. */
  #length = 0;

  /** @param start Where the input begins, for the places of the lines. */
  constructor(start = 0) {
    this.#start = start;
  }

  /** Behind the last complete line. */
  get position(): number {
    return this.#start;
  }

  /** How many bytes have come of a line whose end has not. */
  get incomplete(): number {
    return this.#length;
  }

  /** The lines that are complete with this. The bytes may be reused afterwards. */
  push(chunk: Buffer): Line[] {
    const lines: Line[] = [];
    const first = chunk.indexOf(LF);
    if (first === -1) {
      this.#hold(chunk);
      return lines;
    }
    let from = 0;
    if (this.#length > 0) {
      this.#hold(chunk.subarray(0, first));
      lines.push(this.#take(1));
      from = first + 1;
    }
    const last = chunk.lastIndexOf(LF) + 1;
    if (last > from) this.#cut(chunk.subarray(from, last), lines);
    this.#hold(chunk.subarray(last));
    return lines;
  }

  /** The last line, where the input ends without a line break. */
  finish(): Line | undefined {
    return this.#length === 0 ? undefined : this.#take(0);
  }

  /** Whole lines, the usual case: checked at once, decoded one by one. */
  #cut(block: Buffer, lines: Line[]): void {
    const isText = isUtf8(block) && !block.includes(0);
    for (let from = 0; from < block.length; ) {
      const at = block.indexOf(LF, from);
      lines.push(this.#line(block.subarray(from, at), at - from, 1, isText));
      from = at + 1;
    }
  }

  #hold(bytes: Buffer): void {
    this.#length += bytes.length;
    // A line of the greatest length may have a CR behind it.
    const kept = Math.min(bytes.length, MAX_LINE_BYTES + 1 - this.#held);
    if (kept <= 0) return;
    if (this.#held + kept > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(256, this.#held + kept, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#held);
      this.#buffer = larger;
    }
    bytes.copy(this.#buffer, this.#held, 0, kept);
    this.#held += kept;
  }

  #take(breakLength: number): Line {
    const line = this.#line(this.#buffer.subarray(0, this.#held), this.#length, breakLength, false);
    this.#buffer = NOTHING;
    this.#held = 0;
    this.#length = 0;
    return line;
  }

  #line(held: Buffer, length: number, breakLength: number, isText: boolean): Line {
    const start = this.#start;
    const end = start + length + breakLength;
    this.#start = end;
    const crlf = breakLength === 1 && held[held.length - 1] === CR;
    const content = crlf ? held.subarray(0, -1) : held;
    const fault = length - Number(crlf) > MAX_LINE_BYTES ? 'longer than 64 KiB' : isText ? undefined : faultOf(content);
    if (fault === undefined) return { text: content.toString('utf8'), crlf, start, end };
    return { text: undefined, fault, bytes: Buffer.from(content.subarray(0, MAX_LINE_BYTES)), start, end };
  }
}

function faultOf(content: Buffer): string | undefined {
  if (!isUtf8(content)) return 'not UTF-8';
  return content.includes(0) ? 'has NUL bytes' : undefined;
}
