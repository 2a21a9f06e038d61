// Values that a hostile or broken peer may send.
import fc from 'fast-check';
import { DEVICE, KEY, TOKEN } from './outcome.js';

const NASTY_TEXTS = [
  '',
  ' ',
  '\u0000',
  '\uFEFF',
  '\uD800',
  'a\uDFFFb',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '12.000',
  '-0',
  '1e400',
  '0x10',
  'NaN',
  'Infinity',
  'null',
  '../../etc/passwd',
  '%2e%2e%2f',
  '<html>',
  '\u001b[31m',
  '2024-02-30T00:00:00.000Z',
  '9'.repeat(400),
  'Sessions not found',
  TOKEN,
  TOKEN.toLowerCase(),
  DEVICE,
  KEY,
  KEY.toUpperCase(),
];

/** A secret anywhere in a text, also where a cut at some length would fall into its middle. */
const gossip = fc
  .tuple(
    fc.nat({ max: 320 }),
    fc.constantFrom(' ', '_', 'a', '=', '"'),
    fc.constantFrom(KEY, TOKEN, TOKEN.toLowerCase()),
  )
  .map(([padding, glue, secret]) => `${'x'.repeat(padding)}${glue}${secret}${glue}`);

export const text: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NASTY_TEXTS) },
  { weight: 1, arbitrary: gossip },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
);

const number = fc.oneof(
  fc.constantFrom(0, -0, -1, 1, 0.5, 100, 101, 2 ** 31, 2 ** 53, -(2 ** 53), 1e21, 1e308, 5e-324),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
);

const key = fc.oneof(
  fc.constantFrom('body', 'result', 'passings', 'pagination', 'description', 'message', 'deviceid', 'token_session'),
  fc.constantFrom('num_passing', 'bib', 'timestamp', 'latitude', 'has_more', 'active', 'event_token', 'session_used'),
  fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'toJSON', 'then', 'length', ''),
  text,
);

/** An object whose keys are all its own, `__proto__` too. */
function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [name, value] of entries) {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

const tied = fc.letrec<{ value: unknown; list: unknown[]; object: object }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'json' },
    fc.constantFrom(null, true, false),
    number,
    text,
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('value'), { maxLength: 4, depthIdentifier: 'json' }),
  object: fc
    .array(fc.tuple(key, tie('value')), { maxLength: 5, depthIdentifier: 'json' })
    .map((entries) => objectOf(entries)),
}));

/** Anything that JSON can hold, of keys that mean something here. */
export const json: fc.Arbitrary<unknown> = tied.value;

/** Numbers that JSON can spell and a double cannot hold, which JSON.stringify would never write. */
const hugeNumber = fc.constantFrom(
  '1e400',
  '-1e400',
  '1e-400',
  `1${'0'.repeat(400)}`,
  '123456789012345678901234567890',
);

/** The text of a JSON value, with numbers beyond doubles in some places. */
export const jsonText: fc.Arbitrary<string> = fc
  .tuple(json, fc.option(hugeNumber, { nil: undefined }))
  .map(([value, huge]) => {
    const plain = JSON.stringify(value) ?? 'null';
    return huge === undefined ? plain : plain.replace(/-?\b\d[\d.]*\b/, huge);
  });

/* ------------------------------------------------------------------ mutations of a good answer */

type Mutation =
  | { readonly kind: 'delete' | 'duplicate' | 'nest' | 'flatten'; readonly at: number }
  | { readonly kind: 'replace'; readonly at: number; readonly value: unknown }
  | { readonly kind: 'rename'; readonly at: number; readonly key: string };

const at = fc.nat({ max: 999 });
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('delete' as const, 'duplicate' as const, 'nest' as const, 'flatten' as const),
    at,
  }),
  fc.record({ kind: fc.constant('replace' as const), at, value: json }),
  fc.record({ kind: fc.constant('rename' as const), at, key }),
);

export const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });

interface Place {
  readonly holder: Record<string, unknown> | unknown[];
  readonly name: string;
}

function placesOf(value: unknown, found: Place[] = []): Place[] {
  if (typeof value !== 'object' || value === null) return found;
  for (const name of Object.keys(value)) {
    found.push({ holder: value as Place['holder'], name });
    placesOf((value as Record<string, unknown>)[name], found);
  }
  return found;
}

/** The answer with its nodes changed, one after another. `answer` itself is left alone. */
export function mutated(answer: unknown, changes: readonly Mutation[]): unknown {
  const root: Record<string, unknown> = { root: JSON.parse(JSON.stringify(answer)) };
  for (const change of changes) {
    const places = placesOf(root);
    const place = places[change.at % Math.max(1, places.length)];
    if (place !== undefined) apply(place, change);
  }
  return root.root;
}

function apply({ holder, name }: Place, change: Mutation): void {
  const list = Array.isArray(holder) ? holder : undefined;
  const value = Reflect.get(holder, name);
  const put = (key: string, item: unknown) =>
    Object.defineProperty(holder, key, { value: item, enumerable: true, configurable: true, writable: true });
  switch (change.kind) {
    case 'delete':
      if (list) list.splice(Number(name), 1);
      else Reflect.deleteProperty(holder, name);
      return;
    case 'duplicate':
      if (list) list.splice(Number(name), 0, copyOf(value));
      else put(`${name}2`, copyOf(value));
      return;
    case 'nest':
      put(name, [value]);
      return;
    case 'flatten':
      put(
        name,
        Array.isArray(value) ? value[0] : value && typeof value === 'object' ? Object.values(value)[0] : String(value),
      );
      return;
    case 'replace':
      put(name, copyOf(change.value));
      return;
    case 'rename':
      if (list) return;
      Reflect.deleteProperty(holder, name);
      put(change.key, value);
  }
}

function copyOf(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

/* ------------------------------------------------------------------ around the body */

const headerText = fc.oneof(
  text,
  fc.constantFrom(
    'gzip',
    'application/json',
    'text/html',
    '0',
    '5',
    '-1',
    '99999999999999',
    'Wed, 21 Oct 2015 07:28:00 GMT',
  ),
  fc.nat({ max: 20_000 }).map((length) => 'h'.repeat(length)),
);

const headerName = fc.constantFrom(
  'retry-after',
  'content-type',
  'content-length',
  'content-encoding',
  'x-request-id',
  'x-amzn-requestid',
  'cf-ray',
  'set-cookie',
  'location',
  '__proto__',
  'constructor',
  'x-\u00ff',
  'bad name',
  '',
);

/** As a dispatcher hands them over: one value or several for a name. */
export const headers: fc.Arbitrary<Record<string, string | string[]>> = fc
  .array(fc.tuple(headerName, fc.oneof(headerText, fc.array(headerText, { maxLength: 3 }))), { maxLength: 6 })
  .map((entries) => objectOf(entries) as Record<string, string | string[]>);

export const refusedStatus = fc.constantFrom(
  300,
  302,
  400,
  401,
  403,
  404,
  408,
  409,
  413,
  418,
  425,
  429,
  500,
  502,
  503,
  504,
  599,
);
export const status = fc.oneof(fc.constantFrom(200, 201, 202, 204, 206, 299), refusedStatus);
