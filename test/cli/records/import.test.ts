import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NumberedReading, readRecords } from '../../../src/cli/records/import.js';
import { type RecordOptions, recordFormat } from '../../../src/cli/records/reader.js';

const TIME = '2024-04-21T09:30:00.000Z';

async function* pieces(input: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < input.length; at += size) yield input.subarray(at, at + size);
}

async function read(input: string, options: RecordOptions = {}, size = 1_000): Promise<NumberedReading[]> {
  const readings: NumberedReading[] = [];
  const format = await recordFormat({ numbered: true, ...options });
  for await (const reading of readRecords(pieces(Buffer.from(input), size), format)) readings.push(reading);
  return readings;
}
const brief = (readings: readonly NumberedReading[]) =>
  readings.map(({ line, passing, reason }) => [line, passing?.bib ?? reason]);

describe('a file that is imported', () => {
  it('may have line breaks in quotes, whatever pieces it comes in', async () => {
    const input = `\uFEFFtimestamp,bib,status\r\n${TIME},1,"a\r\nb\nc"\r\n${TIME},2,\r\n\r\n${TIME},3,"""\n"""\r\n`;
    for (const size of [1, 2, 3, 17, 1_000]) {
      expect(await read(input, {}, size)).toEqual([
        { line: 2, passing: { timestamp: TIME, bib: '1', status: 'a\r\nb\nc' } },
        { line: 5, passing: { timestamp: TIME, bib: '2' } },
        { line: 7, passing: { timestamp: TIME, bib: '3', status: '"\n"' } },
      ]);
    }
  });

  it('needs no line break at its end', async () => {
    expect(brief(await read(`timestamp,bib\n${TIME},1\n${TIME},2`))).toEqual([
      [2, '1'],
      [3, '2'],
    ]);
    expect(brief(await read(`timestamp,bib,status\n${TIME},1,"a\nb"`))).toEqual([[2, '1']]);
    expect(await read('')).toEqual([]);
    expect(await read('timestamp,bib')).toEqual([]);
  });

  it('loses one line to a quote that is not closed', async () => {
    const input = `timestamp,bib,status\n${TIME},1,"open\n${TIME},2,x\n${TIME},3,y\n`;
    expect(brief(await read(input))).toEqual([
      [2, 'has a quote that is not closed'],
      [3, '2'],
      [4, '3'],
    ]);
  });

  it('loses one line to a quote that only another record would close', async () => {
    const input = `timestamp,bib,status\n${TIME},1,"open\n${TIME},2,"x"\n${TIME},3,y\n`;
    expect(brief(await read(input))).toEqual([
      [2, 'has a quote that is not closed'],
      [3, '2'],
      [4, '3'],
    ]);
  });

  it('refuses a record of several lines as a whole where its cells are wrong', async () => {
    const input = `timestamp,bib,status\nyesterday,1,"a\nb"\n${TIME},2,x\n`;
    expect(brief(await read(input))).toEqual([
      [2, 'timestamp: expected ISO 8601, such as 2024-04-21T09:30:00.000Z'],
      [4, '2'],
    ]);
  });

  it('does not look for the end of a quote beyond 64 KiB, or behind what is no text', async () => {
    const filler = `${TIME},9,x\n`.repeat(3_000);
    const readings = brief(await read(`timestamp,bib,status\n${TIME},1,"open\n${filler}${TIME},2,x"\n`));
    expect(readings.length).toBe(3_002);
    expect([readings[0], readings[1], readings.at(-1)]).toEqual([
      [2, 'has a quote that is not closed'],
      [3, '9'],
      [3_003, 'has a quote in the wrong place: a cell with quotes in it stands in quotes, with each of them doubled'],
    ]);
    expect(
      brief(await read(`timestamp,bib,status\n${TIME},1,"open\nna\0ught\n${TIME},2,x"\n`)).map(([line]) => line),
    ).toEqual([2, 3, 4]);
  });

  it('stays quick where every line opens a quote', async () => {
    const lines = 4_000;
    const startedAt = performance.now();
    const readings = await read(`timestamp,bib,status\n${`${TIME},1,"open\n`.repeat(lines)}`);
    expect(readings.length).toBe(lines);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('of JSON lines has no record of several lines', async () => {
    expect(brief(await read(`{"timestamp":"${TIME}","bib":"1"}\n{"timestamp":\n"x"}\n`))).toEqual([
      [1, '1'],
      [2, 'is no JSON'],
      [3, 'is no JSON'],
    ]);
  });

  it('is closed when nobody wants more of it', async () => {
    let closed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.from(`timestamp,bib\n${TIME},1\n`);
      } finally {
        closed = true;
      }
    }
    for await (const _ of readRecords(source(), await recordFormat({}))) break;
    expect(closed).toBe(true);
  });

  it('is read as a parser of RFC 4180 reads it', async () => {
    const cell = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 5 }), fc.stringMatching(/^[",\r\n x]{1,6}$/));
    const row = fc.tuple(cell, cell, fc.boolean());
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 8 }),
        fc.constantFrom('\n', '\r\n'),
        fc.integer({ min: 1, max: 40 }),
        async (rows, lineEnd, size) => {
          const quoted = (text: string, always: boolean) =>
            always || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
          const lines = rows.map(
            ([bib, status, always]) => `${TIME},${quoted(`b${bib}`, always)},${quoted(status, always)}`,
          );
          const input = ['timestamp,bib,status', ...lines].join(lineEnd) + lineEnd;
          const expected = (
            parse(input, { from: 2, relax_column_count: true, record_delimiter: lineEnd }) as string[][]
          ).map(([timestamp, bib, status]) => ({ timestamp, bib, ...(status !== '' && { status }) }));
          expect((await read(input, {}, size)).map(({ passing }) => passing)).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });
});
