import fc from 'fast-check';

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    undefined,
    '',
    '12.000',
    'abc',
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -0,
    -1,
    1.5,
    2 ** 53,
  ),
  fc.string(),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom<unknown>({}, [], ['7'], { bib: '7' }),
);

/** Mostly what belongs there, sometimes anything, sometimes nothing. */
const mostly = <T>(usual: fc.Arbitrary<T>) => fc.oneof({ arbitrary: usual, weight: 12 }, { arbitrary: odd, weight: 1 });

const text = mostly(fc.constantFrom('7', 'W1', '', 'é'));
const textOrNone = mostly(fc.constantFrom('a', null, undefined));
const degrees = mostly(fc.constantFrom(41.38, -2.17, 0, null, undefined));

const fields = {
  timestamp: mostly(fc.constantFrom('2024-04-21T09:30:00.000Z', '2024-04-21T11:30:00.1234+02:00')),
  num_passing: mostly(fc.nat()),
  bib: text,
  participant_id: textOrNone,
  chip: textOrNone,
  latitude: degrees,
  longitude: degrees,
  status: textOrNone,
  timezone: textOrNone,
  gender: textOrNone,
};

/** A row as it may come: usually a passing, with faults thrown in. */
export const passingRow: fc.Arbitrary<Record<string, unknown>> = fc.record(
  { ...fields, token_session: textOrNone, deviceid: textOrNone, tomorrow: odd },
  { requiredKeys: ['timestamp', 'num_passing', 'bib'] },
);

/** A passing as a caller may hand it over: usually sound, with faults thrown in. */
export const passingInput: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  { arbitrary: fc.record(fields, { requiredKeys: ['timestamp', 'num_passing', 'bib'] }), weight: 6 },
  { arbitrary: fc.record({ ...fields, chips: fc.string() }, { requiredKeys: [] }), weight: 1 },
);
