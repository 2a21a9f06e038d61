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

/** A date-time, sound or with one of its parts off. */
const moment = fc
  .tuple(
    fc.constantFrom('2024', '2023', '1900', '2000', '0000', '24'),
    fc.constantFrom('02', '04', '12', '00', '13', '2'),
    fc.constantFrom('28', '29', '30', '31', '00', '32'),
    fc.constantFrom('T', ' ', 't'),
    fc.constantFrom('09:30:00', '23:59:59', '24:00:00', '09:60:00', '09:30:60', '09:30', '9:30:00'),
    fc.constantFrom('.000', '', '.1', '.123456789', '.', ',5'),
    fc.constantFrom('Z', '', 'z', '+02:00', '-23:59', '+24:00', '+0200', '+02'),
  )
  .map(([year, month, day, t, time, fraction, zone]) => `${year}-${month}-${day}${t}${time}${fraction}${zone}`);

const fields = {
  timestamp: mostly(
    fc.oneof(
      { arbitrary: fc.constantFrom('2024-04-21T09:30:00.000Z', '2024-04-21T11:30:00.1234+02:00'), weight: 2 },
      { arbitrary: moment, weight: 1 },
    ),
  ),
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
