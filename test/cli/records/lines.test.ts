import fc from 'fast-check';
import { describe, expect, it, test, vi } from 'vitest';
import { type Line, LineSplitter, MAX_LINE_BYTES } from '../../../src/cli/records/lines.js';

function split(chunks: readonly Uint8Array[], finish = false): Line[] {
  const splitter = new LineSplitter();
  const lines = chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk)));
  const last = finish ? splitter.finish() : undefined;
  return last === undefined ? lines : [...lines, last];
}

const texts = (lines: readonly Line[]) => lines.map((line) => line.text ?? line.fault);

describe('the splitter', () => {
  test.each<[string, string, string[]]>([
    ['LF and CR LF', 'a\nb\r\nc\n', ['a', 'b', 'c']],
    ['blank lines', '\n\r\n\na\n', ['', '', '', 'a']],
    ['a half line at the end, which is none', 'a\nhalf', ['a']],
    ['only the CR that belongs to the line break', 'a\r\r\nb\rc\n', ['a\r', 'b\rc']],
    ['letters of every length', 'é€😀\n', ['é€😀']],
  ])('cuts %s', (_, input, lines) => {
    expect(texts(split([Buffer.from(input)]))).toEqual(lines);
  });

  it('names what is no text, and keeps its bytes', () => {
    const lines = split([Buffer.from('good\nna\0ught\nbro\xE9ken\r\ngood\n', 'latin1')]);
    expect(texts(lines)).toEqual(['good', 'has NUL bytes', 'not UTF-8', 'good']);
    expect(lines.flatMap((line) => (line.text === undefined ? [line.bytes.toString('latin1')] : []))).toEqual([
      'na\0ught',
      'bro\xE9ken',
    ]);
  });

  it('refuses surrogates, overlong forms and what is beyond Unicode', () => {
    for (const bytes of ['\xED\xA0\x80', '\xC0\xAF', '\xF4\x90\x80\x80', '\x80', '\xC3']) {
      expect(texts(split([Buffer.from(`${bytes}\n`, 'latin1')]))).toEqual(['not UTF-8']);
    }
  });

  it.each(['\n', '\r\n'])('takes lines of 64 KiB, without their line break %j, and none that is longer', (lineEnd) => {
    const longest = 'x'.repeat(MAX_LINE_BYTES);
    const input = Buffer.from(`a${lineEnd}${longest}${lineEnd}${longest}y${lineEnd}b${lineEnd}`);
    for (const size of [7, 1_000, MAX_LINE_BYTES, input.length]) {
      const chunks = Array.from({ length: Math.ceil(input.length / size) }, (_, index) =>
        input.subarray(index * size, (index + 1) * size),
      );
      const lines = split(chunks);
      expect(texts(lines)).toEqual(['a', longest, 'longer than 64 KiB', 'b']);
      const [, , tooLong] = lines;
      expect(tooLong?.text === undefined && tooLong?.bytes.toString()).toBe(longest);
    }
  });

  it('holds 64 KiB of a line without an end, and knows how long it is', () => {
    const splitter = new LineSplitter();
    const allocations = vi.spyOn(Buffer, 'allocUnsafeSlow');
    const piece = Buffer.alloc(65_536, 'x');
    for (let pieces = 0; pieces < 1_024; pieces++) splitter.push(piece);
    const largest = Math.max(...allocations.mock.calls.map(([size]) => size));
    allocations.mockRestore();
    expect(largest).toBeLessThan(2 * 65_536 + 2);
    expect(splitter.incomplete).toBe(64 * 2 ** 20);
    const [line] = splitter.push(Buffer.from('\nnext\n'));
    expect(line).toMatchObject({ fault: 'longer than 64 KiB', start: 0, end: 64 * 2 ** 20 + 1 });
  });

  it('takes a long line byte by byte without copying it each time', () => {
    const splitter = new LineSplitter();
    const byte = Buffer.from('x');
    const allocations = vi.spyOn(Buffer, 'allocUnsafeSlow');
    for (let at = 0; at < MAX_LINE_BYTES; at++) splitter.push(byte);
    expect(allocations.mock.calls.length).toBeLessThan(12);
    allocations.mockRestore();
    expect(texts(splitter.push(Buffer.from('\n')))).toEqual(['x'.repeat(MAX_LINE_BYTES)]);
  });

  it('gives a last line without a line break to whoever asks for it', () => {
    expect(texts(split([Buffer.from('a\nlast')], true))).toEqual(['a', 'last']);
    expect(texts(split([Buffer.from('a\n')], true))).toEqual(['a']);
    expect(split([Buffer.from('a\nlast\r')], true).at(-1)).toMatchObject({ text: 'last\r', end: 7 });
  });

  it('gives the same for the same bytes, in whatever pieces, and says where each line stands', () => {
    const piece = fc.oneof(
      fc.constantFrom('\n', '\r\n', '\r', '\0', ',', '"', '\uFEFF', 'é', '😀').map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(1, 2, 3).map((more) => Buffer.alloc(MAX_LINE_BYTES - 2 + more, 'x')),
    );
    const start = fc.nat({ max: 1e9 });
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 30 }),
        fc.infiniteStream(fc.nat({ max: 40_000 })),
        start,
        (all, sizes, from) => {
          const input = Buffer.concat(all);
          const splitter = new LineSplitter(from);
          const lines: Line[] = [];
          for (let at = 0; at < input.length; ) {
            const size = 1 + sizes.next().value!;
            // The splitter may not rely on bytes that are its caller's.
            const chunk = Buffer.from(input.subarray(at, at + size));
            lines.push(...splitter.push(chunk));
            chunk.fill(0xff);
            at += size;
          }
          const expected = input.toString('latin1').split('\n');
          const half = expected.pop()!;
          expect(lines.length).toBe(expected.length);
          expect(splitter.incomplete).toBe(half.length);
          expect(splitter.position).toBe(from + input.length - half.length);
          let place = from;
          lines.forEach((line, index) => {
            const raw = expected[index]!;
            expect([line.start, line.end]).toEqual([place, place + raw.length + 1]);
            place = line.end;
            const content = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
            const bytes = line.text === undefined ? line.bytes : Buffer.from(line.text);
            expect(bytes.toString('latin1') === content.slice(0, MAX_LINE_BYTES)).toBe(true);
            if (content.length > MAX_LINE_BYTES) expect(line).toMatchObject({ fault: 'longer than 64 KiB' });
            else if (line.text === undefined) expect(content).toMatch(/[\0\x80-\xff]/);
            else expect(line.crlf).toBe(raw.endsWith('\r'));
          });
        },
      ),
    );
  });
});
