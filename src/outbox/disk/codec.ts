import { crc32 } from 'node:zlib';

// "crc32 seq json\n". The checksum covers the seq and the JSON, in bytes. JSON has no raw line feed, so a line is a record
// and a damaged one never hides the next. Every version of this format begins a file with such a line, a header with `v`.

const NEWLINE = 10;
const BLANK = 32;
const CRC_DIGITS = 8;

/** Replaces the checksum of a line that was revoked. */
export const TOMBSTONE = Buffer.from('-'.repeat(CRC_DIGITS));

const checksum = (data: string | Uint8Array): number => crc32(data);

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** By table: `toString(16)` takes as long as the checksum itself. */
const hexOf = (crc: number): string =>
  `${HEX[crc >>> 24]}${HEX[(crc >>> 16) & 255]}${HEX[(crc >>> 8) & 255]}${HEX[crc & 255]}`;

export function encodeLine(seq: number, json: string): string {
  const text = `${seq} ${json}`;
  return `${hexOf(checksum(text))} ${text}\n`;
}

/** A line with a good checksum, as a view on the bytes that it was read from. */
export interface Line {
  readonly seq: number;
  readonly json: Uint8Array;
}

function hex(bytes: Uint8Array): number {
  let value = 0;
  for (let i = 0; i < CRC_DIGITS; i++) {
    const byte = bytes[i]!;
    const digit = byte >= 48 && byte <= 57 ? byte - 48 : byte >= 97 && byte <= 102 ? byte - 87 : Number.NaN;
    value = value * 16 + digit;
  }
  return value;
}

/** The line in these bytes (without the line feed); null if they are not exactly as written. */
export function decodeLine(bytes: Uint8Array): Line | null {
  if (bytes.length < CRC_DIGITS + 3 || bytes[CRC_DIGITS] !== BLANK) return null;
  if (hex(bytes) !== checksum(bytes.subarray(CRC_DIGITS + 1))) return null;
  let at = CRC_DIGITS + 1;
  let seq = 0;
  for (; bytes[at] !== BLANK; at++) {
    const digit = (bytes[at] ?? 0) - 48;
    if (digit < 0 || digit > 9) return null;
    seq = seq * 10 + digit;
  }
  return { seq, json: bytes.subarray(at + 1) };
}

/** A line in a block of fixed length that is rewritten in place: blanks follow it. */
export function encodeBlock(length: number, seq: number, value: object): Buffer {
  const line = Buffer.from(encodeLine(seq, JSON.stringify(value)));
  if (line.length > length) throw new Error(`A line of ${line.length} bytes does not fit its block of ${length}`);
  const bytes = Buffer.alloc(length, ' ');
  line.copy(bytes);
  return bytes;
}

/** The line of a block; null if it is not exactly as written. */
export function decodeBlock(bytes: Uint8Array): Line | null {
  const end = endOfLine(bytes, 0);
  return end === -1 ? null : decodeLine(bytes.subarray(0, end));
}

const UTF8 = new TextDecoder();

/** The record of a line. Its checksum was good, so the JSON is not checked again. */
export const recordOf = <R>(line: Line): R => JSON.parse(UTF8.decode(line.json)) as R;

export const isTombstone = (bytes: Uint8Array): boolean => TOMBSTONE.every((byte, i) => bytes[i] === byte);

/** The offset of the line feed after `from`; -1 if there is none. */
export const endOfLine = (bytes: Uint8Array, from: number): number => bytes.indexOf(NEWLINE, from);
