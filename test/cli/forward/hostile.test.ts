// A thousand hostile lines, each followed by a good one: every one becomes exactly the passing it says, or is rejected by name.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Random } from '../../outbox/disk/random.js';
import { Decoder, portOf, type RejectedEntry, type Rig, rig, until } from './support/rig.js';

const COUNT = 1_000;
const TIME = '2024-04-21T09:30:00.000Z';
const COLUMNS = ['timestamp', 'bib', 'chip', 'status', 'latitude'] as const;
const OPTIONS = ['--columns', COLUMNS.join(','), '--timezone', 'Europe/Madrid'];

interface Hostile {
  readonly bytes: Buffer;
  /** What it says, or why it says nothing. */
  readonly due: Partial<Record<(typeof COLUMNS)[number], string | number>> | RegExp;
}

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
const raw = (text: string, due: Hostile['due']): Hostile => ({ bytes: Buffer.from(text), due });
const bytes = (text: string, due: Hostile['due']): Hostile => ({ bytes: Buffer.from(text, 'latin1'), due });
const at = (time: string, due: string | RegExp): Hostile =>
  raw(`${time},1,,,`, typeof due === 'string' ? { timestamp: due, bib: '1' } : due);

/** Each kind of hostility, with what must come of it. */
const KINDS: readonly ((random: Random) => Hostile)[] = [
  ...[
    '=1+1',
    '=HYPERLINK("http://x";"y")',
    '+1',
    '-1',
    '@SUM(A1)',
    '\t=1',
    "'=1",
    '__proto__',
    'constructor',
    'toString',
    ' ',
    '  7  ',
    '007',
    '1e3',
    'null',
    'NaN',
    '😀',
    'e\u0301',
    '\u202e7',
    '\uFEFF7',
    '\u0085',
    '\u2028',
    '\x01\x1b[31m',
    '\\',
    "'",
    '`$(x)`',
    '<script>',
    '\x7f',
    '%00',
    '&quot;',
  ].flatMap((bib) => [
    () => raw(`${TIME},${quoted(bib)},,,`, { timestamp: TIME, bib }),
    () => raw(`${TIME},1,${quoted(bib)},${quoted(bib)},`, { timestamp: TIME, bib: '1', chip: bib, status: bib }),
  ]),
  ...['a"b', '"a', 'a"', '"a"b', '"a" ', ' "a"', '"""', '"', '"a""', 'a""b'].map(
    (cell) => () => raw(`${TIME},1,${cell},,`, /quote/),
  ),
  () => raw(`${TIME},1,"a,b",";",`, { timestamp: TIME, bib: '1', chip: 'a,b', status: ';' }),
  () => raw(`${TIME},"""""",,,`, { timestamp: TIME, bib: '""' }),
  () => raw(`${TIME},"a\rb",,,`, { timestamp: TIME, bib: 'a\rb' }),
  () => raw(`${TIME},a\rb,,,`, /carriage return/),
  (random) => bytes(`${TIME},1,\0${random.int(9)},,`, /NUL/),
  () => bytes('\0'.repeat(100), /NUL/),
  ...['\xff', '\xc3', '\xed\xa0\x80', '\xc0\xaf', '\xf4\x90\x80\x80', 'caf\xe9', '\xfe\xff\0b\0i\0b'].map(
    (broken) => () => bytes(`${TIME},${broken},,,`, /not UTF-8/),
  ),
  () => raw('x'.repeat(65_537), /longer than 64 KiB/),
  () => raw(`${TIME},${'y'.repeat(2 ** 20)},,,`, /longer than 64 KiB/),
  () => raw(`${TIME},1,,${'z'.repeat(65_000)},`, { timestamp: TIME, bib: '1', status: 'z'.repeat(65_000) }),
  () => raw(TIME, /1 cells where there are 5/),
  () => raw(`${TIME},1,,,,`, /6 cells where there are 5/),
  () => raw(',,,,', /timestamp: missing/),
  () => raw(`${TIME},,,,`, /bib: missing/),
  () => raw(`${TIME},,C1,,`, /bib: missing/),
  () => raw(`{"timestamp":"${TIME}","bib":"1"}`, /quote/),
  ...['1,5', '0x10', 'N41', '1e999', ' 1', '1 ', '--1', 'Infinity'].map(
    (cell) => () => raw(`${TIME},1,,,${quoted(cell)}`, /latitude: expected/),
  ),
  () => raw(`${TIME},1,,,-1.5e-3`, { timestamp: TIME, bib: '1', latitude: -0.0015 }),
  () => at('2024-03-31T02:30:00', /does not exist in Europe\/Madrid/),
  () => at('2024-03-31 02:00', /does not exist in Europe\/Madrid/),
  () => at('2024-03-31T01:59:59.9999', '2024-03-31T00:59:59.999Z'),
  () => at('2024-03-31T03:00:00', '2024-03-31T01:00:00.000Z'),
  () => at('2024-10-27T02:30:00', /is there twice in Europe\/Madrid/),
  () => at('2024-10-27T02:30:00+01:00', '2024-10-27T01:30:00.000Z'),
  () => at('2024-02-29T12:00:00Z', '2024-02-29T12:00:00.000Z'),
  () => at('2023-02-29T12:00:00Z', /a day that does not exist/),
  () => at('1900-02-29T12:00:00Z', /a day that does not exist/),
  () => at('1899-12-30T09:30:00Z', '1899-12-30T09:30:00.000Z'),
  () => at('1899-12-30 09:30:00', '1899-12-30T09:44:44.000Z'),
  () => at('10000-01-01T00:00:00Z', /a year has four digits/),
  () => at('+010000-01-01T00:00:00Z', /a year has four digits/),
  () => at('9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'),
  () => at('9999-12-31T23:59:59-01:00', /outside of the years/),
  () => at('2016-12-31T23:59:60Z', /leap second/),
  () => at('2024-04-21T24:00:00Z', /hours go from/),
  () => at('09:30:00', /--date/),
  () => at('21.04.2024 09:30:00', /expected ISO 8601/),
  () => at('1713690000', /a plain number/),
  () => at('2024-04-21T09:30:00.123456789Z', '2024-04-21T09:30:00.123Z'),
];

function judge(
  { due }: Hostile,
  index: number,
  stored: object | undefined,
  rejected: RejectedEntry | undefined,
  sent: Hostile,
): void {
  if (due instanceof RegExp) {
    expect(rejected?.reason, `line ${index}`).toMatch(due);
    const content = sent.bytes.subarray(0, 65_536);
    const kept = rejected!.base64 === undefined ? Buffer.from(rejected!.line) : Buffer.from(rejected!.base64, 'base64');
    expect(kept.equals(content), `line ${index} is kept as it came`).toBe(true);
  } else {
    expect(stored, `line ${index}`).toEqual({ chip: null, status: null, latitude: null, ...due });
  }
}

/** What of a stored passing comes from its line. */
function shownOf({ stored }: Rig): object[] {
  return stored().map(({ timestamp, bib, chip, status, latitude }) => ({
    timestamp,
    bib,
    chip,
    status,
    latitude: latitude === null ? null : Number(latitude),
  }));
}

const good = (index: number) => raw(`${TIME},good ${index},,,`, { timestamp: TIME, bib: `good ${index}` });

function lines(): Hostile[] {
  const random = new Random(1_000);
  return Array.from({ length: COUNT }, (_, index) => [KINDS[index % KINDS.length]!(random), good(index)]).flat();
}

/** Whatever is taken is at its number; whatever is not is in the file, in the order of the lines. */
function judgeAll(sent: readonly Hostile[], stored: readonly object[], rejected: readonly RejectedEntry[]): void {
  let [num, bad] = [0, 0];
  for (const [index, line] of sent.entries()) {
    const isBad = line.due instanceof RegExp;
    judge(line, index, isBad ? undefined : stored[num++], isBad ? rejected[bad++] : undefined, line);
  }
  expect([stored.length, rejected.length]).toEqual([num, bad]);
}

describe('a thousand hostile lines', { timeout: 120_000 }, () => {
  test('of a connection', async () => {
    const all = await rig();
    const forwarding = all.forward(['--listen', '127.0.0.1:0', '--replies', ...OPTIONS]);
    const decoder = await Decoder.connect(await portOf(forwarding));
    const sent = lines();
    for (const [index, { bytes: content }] of sent.entries()) {
      decoder.send(Buffer.concat([content, Buffer.from(index % 3 === 0 ? '\r\n' : '\n')]));
    }
    await until(
      () => decoder.answers.length >= sent.length,
      () => `${decoder.answers.length} answers`,
    );
    let num = 0;
    for (const [index, { due }] of sent.entries()) {
      if (due instanceof RegExp) expect(decoder.answers[index]).toMatch(new RegExp(`^error .*${due.source}`));
      else expect(decoder.answers[index]).toBe(`ok ${++num}`);
    }
    await all.delivered(num);
    judgeAll(sent, shownOf(all), all.rejected());
  });

  test('of a file', async () => {
    const all = await rig();
    const sent = lines();
    const path = join(all.folder, 'finish.csv');
    writeFileSync(path, Buffer.concat(sent.flatMap(({ bytes: content }) => [content, Buffer.from('\n')])));
    all.forward(['--tail', path, ...OPTIONS]);
    await all.delivered(sent.filter(({ due }) => !(due instanceof RegExp)).length);
    await until(() => all.rejected().length >= sent.filter(({ due }) => due instanceof RegExp).length);
    judgeAll(sent, shownOf(all), all.rejected());
  });
});
