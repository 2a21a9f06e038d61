import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { NUMBERED, type RecordedPassing } from '../../../src/cli/records/fields.js';
import { LineSplitter } from '../../../src/cli/records/lines.js';
import { type RecordOptions, RecordReader, recordFormat } from '../../../src/cli/records/reader.js';
import { wirePassings, wireUnnumbered } from '../../../src/core/validation/passings.js';
import { schemas } from '../../../src/core/validation/schemas.js';

await schemas.load();

const TIME = '2024-04-21T09:30:00.000Z';
const HEADER = 'timestamp,bib,chip,participant_id,latitude,longitude,status,timezone,gender';

/** What each line becomes: a passing, its reason, or undefined. */
async function read(lines: readonly string[], options: RecordOptions = {}) {
  const reader = new RecordReader(await recordFormat(options));
  return lines.map((text) => {
    const reading = reader.read({ text, crlf: false, start: 0, end: 0 });
    return reading?.passing ?? reading?.reason;
  });
}
const one = async (line: string, options: RecordOptions = {}, header = HEADER) =>
  (await read([header, line], options))[1];
const json = async (line: string, options: RecordOptions = {}) =>
  (await read([line], { format: 'jsonl', ...options }))[0];

describe('CSV', () => {
  it('is read by its header, in any order of the columns', async () => {
    expect(await read(['bib,timestamp', `17,${TIME}`, `W1,${TIME}`])).toEqual([
      undefined,
      { bib: '17', timestamp: TIME },
      { bib: 'W1', timestamp: TIME },
    ]);
    expect(await one(`${TIME},17,E280,P1,41.38,-2.5e-1,OK,Europe/Madrid,F`)).toEqual({
      timestamp: TIME,
      bib: '17',
      chip: 'E280',
      participant_id: 'P1',
      latitude: 41.38,
      longitude: -0.25,
      status: 'OK',
      timezone: 'Europe/Madrid',
      gender: 'F',
    });
  });

  it('takes the columns from --columns, and leaves out those without a name', async () => {
    const options = { columns: ['bib', '', 'timestamp', ''], delimiter: ';' };
    expect(await read([`17;x;${TIME};`, `18;;${TIME};y`], options)).toEqual([
      { bib: '17', timestamp: TIME },
      { bib: '18', timestamp: TIME },
    ]);
  });

  it('skips blank lines, and a header that is there again', async () => {
    expect(await read(['', 'bib,timestamp', '', `17,${TIME}`, 'bib,timestamp', `18,${TIME}`])).toEqual([
      undefined,
      undefined,
      undefined,
      { bib: '17', timestamp: TIME },
      undefined,
      { bib: '18', timestamp: TIME },
    ]);
    expect(await read(['bib,timestamp', `17,${TIME}`], { columns: ['bib', 'timestamp'] })).toEqual([
      undefined,
      { bib: '17', timestamp: TIME },
    ]);
  });

  it('may begin with a byte order mark; elsewhere that is text', async () => {
    expect(await read(['\uFEFFbib,timestamp', `\uFEFF17,${TIME}`])).toEqual([
      undefined,
      { bib: '\uFEFF17', timestamp: TIME },
    ]);
    expect(await read([`\uFEFF17,${TIME}`], { columns: ['bib', 'timestamp'] })).toEqual([
      { bib: '17', timestamp: TIME },
    ]);
  });

  test.each([
    ['blanks', '  17 ', '  17 '],
    ['leading zeros', '007', '007'],
    ['a formula', '=1+1', '=1+1'],
    ['a formula in quotes', '"=HYPERLINK(""http://x"",""y"")"', '=HYPERLINK("http://x","y")'],
    ['plus, minus, at', '"+1-1@x"', '+1-1@x'],
    ['delimiter and quotes', '"a, ""b"""', 'a, "b"'],
    ['a bare quote pair', '""""', '"'],
    ['tabs and control characters', 'a\tb\x01', 'a\tb\x01'],
    ['a carriage return in quotes', '"a\rb"', 'a\rb'],
    ['names of JavaScript', '__proto__', '__proto__'],
    ['more than digits', '1e3', '1e3'],
    ['letters beyond ASCII', 'Ñandú 😀', 'Ñandú 😀'],
    ['an unusual space', '\u00A0', '\u00A0'],
  ])('keeps %s as they are', async (_, cell, bib) => {
    expect(await one(`${TIME},${cell}`, {}, 'timestamp,bib')).toEqual({ timestamp: TIME, bib });
  });

  it('takes an empty cell for no value', async () => {
    expect(await one(`${TIME},17,,"",,,,,`)).toEqual({ timestamp: TIME, bib: '17' });
    expect(await one(`${TIME},`, {}, 'timestamp,bib')).toBe('bib: missing');
    expect(await one(',17', {}, 'timestamp,bib')).toBe('timestamp: missing');
  });

  test.each([
    [`${TIME},17`, 'has 2 cells where there are 3 columns'],
    [`${TIME},17,x,y`, 'has 4 cells where there are 3 columns'],
    [TIME, 'has 1 cells where there are 3 columns'],
    ['   ', 'has 1 cells where there are 3 columns'],
    [`${TIME};17;x`, 'has 1 cells where there are 3 columns'],
    [`${TIME},"17,x`, 'has a quote that is not closed'],
    [`"${TIME},17,x`, 'has a quote that is not closed'],
    [`${TIME},17,"`, 'has a quote that is not closed'],
    [
      `${TIME},1"7,x`,
      'has a quote in the wrong place: a cell with quotes in it stands in quotes, with each of them doubled',
    ],
    [
      `${TIME},17",x`,
      'has a quote in the wrong place: a cell with quotes in it stands in quotes, with each of them doubled',
    ],
    [
      `${TIME},"17"x,x`,
      'has a quote in the wrong place: a cell with quotes in it stands in quotes, with each of them doubled',
    ],
    [
      `${TIME}, "17",x`,
      'has a quote in the wrong place: a cell with quotes in it stands in quotes, with each of them doubled',
    ],
    [`${TIME},17,x\r`, 'has a carriage return outside of quotes'],
    [`${TIME},17\r,"x"`, 'has a line break outside of quotes'],
    [
      `${TIME},17,"x"\r`,
      'has a quote in the wrong place: a cell with quotes in it stands in quotes, with each of them doubled',
    ],
    [`yesterday,17,x`, 'timestamp: expected ISO 8601, such as 2024-04-21T09:30:00.000Z'],
    ['2024-04-21T09:30:00,17,x', 'timestamp: has no zone; --timezone says which one is meant'],
  ])('refuses %j', async (line, reason) => {
    expect(await one(line, {}, 'timestamp,bib,status')).toBe(reason);
  });

  test.each([
    '',
    '41,38',
    '0x10',
    '4 1',
    '1_000',
    'N41',
    '41°',
    'NaN',
    'Infinity',
    '1e999',
    '١٢',
    '--1',
    '.',
    'e5',
    ' 41',
  ])('a latitude of %j is refused, or empty', async (cell) => {
    const reading = await one(`${TIME},17,"${cell}"`, {}, 'timestamp,bib,latitude');
    if (cell === '') expect(reading).toEqual({ timestamp: TIME, bib: '17' });
    else expect(reading).toMatch(/^latitude: expected a (finite number|number with a decimal point)$/);
  });

  test.each([
    ['timestamp,bib,bib', 'names bib twice'],
    ['timestamp', 'names no bib (with --bibs a chip is enough)'],
    ['timestamp,chip', 'names no bib (with --bibs a chip is enough)'],
    ['bib,chip', 'names no timestamp'],
    ['timestamp,bib,', 'has no name for column 3'],
    ['timestamp;bib', 'has an unknown field; there are timestamp, bib, chip'],
    ['timestamp, bib', 'has an unknown field; there are'],
    ['Timestamp,bib', 'has an unknown field "Timestamp"; there are'],
    ['timestamp,bib,chips', 'has an unknown field "chips"; there are'],
    ['timestamp,bib,__proto__', 'has an unknown field "__proto__"; there are'],
    ['timestamp,bib,constructor', 'has an unknown field "constructor"; there are'],
    ['timestamp,bib,num_passing', 'has an unknown field "num_passing"; there are'],
    ['timestamp,bib,token_session', 'has an unknown field "token_session"; there are'],
    ['"timestamp,bib', 'has no name for column 1'],
    [`17,${TIME}`, 'has an unknown field; there are'],
  ])('refuses each line below the header %s', async (header, fault) => {
    const [first, second] = await read([header, `${TIME},17`]);
    expect(first).toContain(`the first line is no header that can be used: it ${fault}`);
    expect(second).toBe(first);
  });

  it('has no header where the first line is no text', async () => {
    const reader = new RecordReader(await recordFormat({}));
    const lines = new LineSplitter().push(Buffer.from(`\xFF\nbib,timestamp\n17,${TIME}\n`, 'latin1'));
    expect(lines.map((line) => reader.read(line))).toEqual([
      { reason: 'not UTF-8' },
      undefined,
      { passing: { bib: '17', timestamp: TIME } },
    ]);
  });
});

describe('JSON lines', () => {
  it('are read as they are', async () => {
    const passing = { timestamp: TIME, bib: 'W1', chip: null, latitude: 41.38, longitude: -2, status: '', gender: 'F' };
    expect(await json(JSON.stringify(passing))).toEqual(passing);
    expect(await json(` ${JSON.stringify({ bib: '1', timestamp: '2024-04-21T11:30:00+02:00' })}\t`)).toEqual({
      timestamp: TIME,
      bib: '1',
    });
    expect(await json('{"bib":"\\u00e9\\ud83d\\ude00\\n","timestamp":"2024-04-21T09:30:00.000Z"}')).toEqual({
      timestamp: TIME,
      bib: 'é😀\n',
    });
  });

  it('are known by the first brace, unless the options are of CSV', async () => {
    expect(await read(['', `{"bib":"1","timestamp":"${TIME}"}`])).toEqual([undefined, { timestamp: TIME, bib: '1' }]);
    expect(await read([`\uFEFF {"bib":"1","timestamp":"${TIME}"}`])).toEqual([{ timestamp: TIME, bib: '1' }]);
    expect(await read([`{1,${TIME}`], { columns: ['bib', 'timestamp'] })).toEqual([{ timestamp: TIME, bib: '{1' }]);
    expect(await read([`{"bib":"1","timestamp":"${TIME}"}`], { format: 'csv' })).toEqual([
      expect.stringContaining('the first line is no header'),
    ]);
  });

  test.each([
    ['{', 'is no JSON'],
    ['', undefined],
    [' ', 'is no JSON'],
    ['null', 'is no JSON object'],
    ['17', 'is no JSON object'],
    [`["${TIME}"]`, 'is no JSON object'],
    ['{}', 'timestamp: missing'],
    ['{"bib":"1"}', 'timestamp: missing'],
    [`{"timestamp":"${TIME}"}`, 'bib: missing'],
    [`{"timestamp":"${TIME}","bib":""}`, 'bib: missing'],
    [`{"timestamp":"${TIME}","bib":null}`, 'bib: missing'],
    [`{"timestamp":"${TIME}","bib":null,"chip":""}`, 'bib: missing'],
    [`{"timestamp":"${TIME}","chip":"E280"}`, 'bib: missing; with --bibs the chip is enough'],
    [`{"timestamp":"${TIME}","bib":17}`, 'bib: expected text'],
    [`{"timestamp":"${TIME}","bib":true}`, 'bib: expected text'],
    [`{"timestamp":1713690000,"bib":"1"}`, 'timestamp: expected text'],
    [`{"timestamp":null,"bib":"1"}`, 'timestamp: expected text'],
    [`{"timestamp":"2024-04-21T09:30:00","bib":"1"}`, 'timestamp: has no zone; --timezone says which one is meant'],
    [`{"timestamp":"${TIME}","bib":"1","latitude":"41.38"}`, 'latitude: expected a finite number'],
    [`{"timestamp":"${TIME}","bib":"1","latitude":1e999}`, 'latitude: expected a finite number'],
    [`{"timestamp":"${TIME}","bib":{"a":1}}`, 'has an object or a list in it'],
    [`{"timestamp":"${TIME}","bib":["1"]}`, 'has an object or a list in it'],
    [`{"timestamp":"${TIME}","bib":"1","bib":"2"}`, 'has a field twice'],
    [`{"timestamp":"${TIME}","bib":"1","\\u0062ib":"2"}`, 'has a field twice'],
    [`{"timestamp":"${TIME}","bib":{"a":1},"bib":"2"}`, 'has a field twice'],
    [`{"timestamp":"${TIME}","bib":"1","__proto__":"2"}`, 'unknown field "__proto__"; there are'],
    [`{"timestamp":"${TIME}","bib":"1","__proto__":{"chip":"2"}}`, 'has an object or a list in it'],
    [`{"timestamp":"${TIME}","bib":"1","toString":"2"}`, 'unknown field "toString"; there are'],
    [`{"timestamp":"${TIME}","bib":"1","chips":"2"}`, 'unknown field "chips"; there are timestamp, bib, chip,'],
    [`{"timestamp":"${TIME}","bib":"1","17 MEIER":"2"}`, 'unknown field; there are'],
    [`{"timestamp":"${TIME}","bib":"1","num_passing":1}`, 'unknown field "num_passing"; there are'],
    [`{"timestamp":"${TIME}","bib":"1\\u0000"}`, 'bib: has a NUL character'],
    [
      `{"timestamp":"${TIME}","bib":"1","chip":"\\ud800"}`,
      'chip: has half of a surrogate pair, which UTF-8 cannot hold',
    ],
    [`{"timestamp":"${TIME}","bib":"a\tb"}`, 'is no JSON'],
    [`{"timestamp":"${TIME}","bib":"1"}{}`, 'is no JSON'],
    [`{'timestamp':"${TIME}"}`, 'is no JSON'],
  ])('refuse %j', async (line, reason) => {
    const reading = await json(line);
    if (reason?.endsWith('there are')) expect(reading).toContain(reason);
    else if (reason?.endsWith(',')) expect(reading).toContain(reason);
    else expect(reading).toBe(reason);
  });

  it('with a field that is there twice are always found, whatever is in them', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[":\\,{} a]{0,8}$/));
    const names = fc.uniqueArray(fc.constantFrom('bib', 'chip', 'status', 'gender', 'timezone'), { minLength: 1 });
    return recordFormat({ format: 'jsonl' }).then((format) =>
      fc.assert(
        fc.property(
          names,
          fc.infiniteStream(text),
          fc.constantFrom('', ' ', '\t '),
          fc.boolean(),
          (given, values, space, twice) => {
            const members = [
              'timestamp',
              'bib',
              ...given.filter((name) => name !== 'bib'),
              ...(twice ? [given[0]!] : []),
            ].map((name) => {
              const value = name === 'timestamp' ? TIME : `x${values.next().value!}`;
              return `${JSON.stringify(name)}${space}:${space}${JSON.stringify(value)}`;
            });
            const line = `{${members.join(`${space},`)}}`;
            const reading = new RecordReader(format).readText(line);
            if (twice) expect(reading?.reason).toBe('has a field twice');
            else if (reading?.passing === undefined) expect(line).toMatch(/\\u0000|\\ud[89a-f]/);
            else expect(reading.passing).toEqual(JSON.parse(line));
          },
        ),
      ),
    );
  });
});

describe('a chip without a bib', () => {
  const options = { bibOf: (chip: string) => (chip === 'E280' ? '17' : chip) };

  it('gets its bib from the table', async () => {
    expect(await one(`${TIME},,E280`, options, 'timestamp,bib,chip')).toEqual({
      timestamp: TIME,
      bib: '17',
      chip: 'E280',
    });
    expect(await one(`${TIME},E281`, options, 'timestamp,chip')).toEqual({
      timestamp: TIME,
      bib: 'E281',
      chip: 'E281',
    });
    expect(await one(`${TIME},4,E280`, options, 'timestamp,bib,chip')).toEqual({
      timestamp: TIME,
      bib: '4',
      chip: 'E280',
    });
    expect(await json(`{"timestamp":"${TIME}","chip":"E280"}`, options)).toEqual({
      timestamp: TIME,
      bib: '17',
      chip: 'E280',
    });
    expect(await one(`${TIME},,`, options, 'timestamp,bib,chip')).toBe('bib: missing');
    expect(await one(TIME, options, 'timestamp')).toContain('names neither bib nor chip');
  });
});

describe('what an export holds', () => {
  const header = '__typename,timestamp,num_passing,latitude,longitude,status,bib,chip,token_session,deviceid,state';
  const line = `Passing,${TIME},42,41.38,2.17,,17,E280,A1,D1,delivered`;
  const passing = { timestamp: TIME, num_passing: 42, latitude: 41.38, longitude: 2.17, bib: '17', chip: 'E280' };

  it('is read where numbers are allowed, without what says where it was', async () => {
    expect(await one(line, { numbered: true }, header)).toEqual(passing);
    const row = { ...passing, token_session: 'A1', deviceid: 'D1', state: 'pending', status: null };
    expect(await json(JSON.stringify(row), { numbered: true })).toEqual({ ...passing, status: null });
    expect(await json(JSON.stringify({ ...row, token_session: 5 }), { numbered: true })).toEqual({
      ...passing,
      status: null,
    });
  });

  test.each([
    ['-1', '-1'],
    ['1.5', '1.5'],
    ['1e3', '9007199254740992'],
    ['0x1', '"1"'],
    ['9007199254740992', 'null'],
    ['+1', '-0.5'],
  ])('is refused with a number such as %j or %s', async (cell, value) => {
    expect(await one(`${TIME},17,${cell}`, { numbered: true }, 'timestamp,bib,num_passing')).toContain(
      'num_passing: expected',
    );
    const line = `{"timestamp":"${TIME}","bib":"1","num_passing":${value}}`;
    expect(await json(line, { numbered: true })).toContain('num_passing: expected');
  });

  it('may begin with number 0', async () => {
    expect(await one(`${TIME},17,0`, { numbered: true }, 'timestamp,bib,num_passing')).toMatchObject({
      num_passing: 0,
    });
  });
});

describe('an option', () => {
  test.each<[RecordOptions, string]>([
    [{ delimiter: '' }, '--delimiter takes one character, and neither a quote nor a line break'],
    [{ delimiter: ';;' }, '--delimiter takes one character, and neither a quote nor a line break'],
    [{ delimiter: '"' }, '--delimiter takes one character, and neither a quote nor a line break'],
    [{ delimiter: '\n' }, '--delimiter takes one character, and neither a quote nor a line break'],
    [{ format: 'jsonl', delimiter: ';' }, '--delimiter is for CSV, not for JSON lines'],
    [{ format: 'jsonl', columns: ['bib', 'timestamp'] }, '--columns is for CSV, not for JSON lines'],
    [{ columns: ['bib'] }, '--columns names no timestamp'],
    [{ columns: ['timestamp', 'chip'] }, '--columns names no bib (with --bibs a chip is enough)'],
    [{ columns: ['timestamp', 'bib', 'bib'] }, '--columns names bib twice'],
    [
      { columns: ['timestamp', 'bib', 'time'] },
      '--columns has an unknown field "time"; there are timestamp, bib, chip, ',
    ],
    [
      { columns: ['timestamp', 'bib'], timezone: 'Mars' },
      '--timezone takes a name such as Europe/Madrid; there is no "Mars"',
    ],
  ])('%j is refused', async (options, message) => {
    await expect(recordFormat(options)).rejects.toThrow(RangeError);
    await expect(recordFormat(options)).rejects.toThrow(message);
  });

  it('may be left undefined', async () => {
    const options = {
      format: undefined,
      columns: undefined,
      delimiter: undefined,
      timezone: undefined,
      date: undefined,
    };
    expect(await read(['bib,timestamp', `17,${TIME}`], options)).toEqual([undefined, { bib: '17', timestamp: TIME }]);
  });
});

describe('any line', () => {
  const text = fc.string({ unit: 'binary', minLength: 1 }).filter((value) => !/[\0\p{Surrogate}]/u.test(value));
  const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const decimal = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
  const passing = fc
    .record({
      timestamp: fc
        .date({ min: new Date('0000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
        .map((date) => date.toISOString()),
      bib: text,
      chip: maybe(text),
      participant_id: maybe(text),
      latitude: maybe(decimal),
      longitude: maybe(decimal),
      status: maybe(text),
      timezone: maybe(text),
      gender: maybe(text),
    })
    .map(
      (row) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as RecordedPassing,
    );

  /** RFC 4180, every cell in quotes or only those that need them. */
  function csv(row: RecordedPassing, columns: readonly string[], delimiter: string, quoteAll: boolean): string {
    const needs = new RegExp(`["\\r\\n\\${delimiter}]`);
    return columns
      .map((column) => {
        const cell = String(row[column as keyof RecordedPassing] ?? '');
        return quoteAll || needs.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
      })
      .join(delimiter);
  }

  it('of CSV that says a passing becomes that passing', async () => {
    const columns = fc.shuffledSubarray(HEADER.split(','), { minLength: 9, maxLength: 9 });
    const formats = new Map(
      await Promise.all(
        [',', ';', '\t', '|', '^'].map(async (delimiter) => [delimiter, await recordFormat({ delimiter })] as const),
      ),
    );
    fc.assert(
      fc.property(
        passing,
        columns,
        fc.constantFrom(...formats.keys()),
        fc.boolean(),
        (row, names, delimiter, quoteAll) => {
          const reader = new RecordReader(formats.get(delimiter)!);
          expect(reader.readText(names.join(delimiter))).toBeUndefined();
          expect(reader.readText(csv(row, names, delimiter, quoteAll))).toEqual({ passing: row });
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('of JSON that says a passing becomes that passing', async () => {
    const format = await recordFormat({ format: 'jsonl' });
    fc.assert(
      fc.property(passing, (row) => {
        expect(new RecordReader(format).readText(JSON.stringify(row))?.passing).toEqual(
          JSON.parse(JSON.stringify(row)),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('becomes a passing that the library takes as it is, or a reason that says nothing of what it holds', async () => {
    const secret = 'ZKXQJW';
    const piece = fc.oneof(
      fc.constantFrom(
        TIME,
        '2024-04-21T09:30:00',
        '17',
        secret,
        ',',
        '"',
        '""',
        '\r',
        '{',
        '}',
        ':',
        '"bib"',
        '"timestamp"',
        '\\',
        '\\u0000',
        '\\ud800',
      ),
      fc.string({ unit: 'binary', maxLength: 3 }),
    );
    const line = fc.oneof(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
      fc.tuple(piece, piece, piece).map((cells) => cells.join(',')),
      fc.tuple(piece, piece).map(([bib, more]) => `{"timestamp":"${TIME}","bib":${JSON.stringify(bib)}${more}}`),
      fc
        .dictionary(fc.oneof(fc.constantFrom(...NUMBERED.keys()), fc.string()), fc.oneof(piece, fc.jsonValue()))
        .map((value) => JSON.stringify({ timestamp: TIME, bib: '1', ...value })),
    );
    const formats = await Promise.all(
      [
        {},
        { numbered: true },
        { bibOf: () => '9' },
        { format: 'jsonl' },
        { columns: ['timestamp', 'bib', 'status'] },
      ].map((options) => recordFormat(options as RecordOptions)),
    );
    let good = 0;
    fc.assert(
      fc.property(fc.constantFrom(...formats), line, (format, given) => {
        const reader = new RecordReader(format);
        if (format.format === undefined && !given.trimStart().startsWith('{')) reader.readText('timestamp,bib,status');
        for (const one of new LineSplitter().push(Buffer.from(`${given.replaceAll('\n', '')}\n`))) {
          const reading = reader.read(one);
          if (reading?.passing !== undefined) {
            good++;
            const { num_passing } = reading.passing;
            const sent =
              num_passing === undefined ? wireUnnumbered([reading.passing]) : wirePassings([reading.passing]);
            expect(sent).toEqual({ ok: true, value: [reading.passing] });
          } else if (reading !== undefined) {
            expect(reading.reason).not.toBe('');
            expect(reading.reason).not.toMatch(/\p{Cc}/u);
            if (!/unknown field "/.test(reading.reason)) expect(reading.reason).not.toContain(secret);
          }
        }
      }),
      { numRuns: 5_000 },
    );
    expect(good).toBeGreaterThan(200);
  });
});
