import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { createClient, type UserConfig } from '@hey-api/openapi-ts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differences, generate } from '../scripts/generate.js';
import * as table from '../src/core/operations.js';
import { readCoordinate } from '../src/core/validation/coordinates.js';
import * as wire from '../src/generated/zod.gen.js';

const EVIDENCE = ['spec', 'docs', 'client', 'inferred'];
const METHODS = ['get', 'post', 'patch', 'delete', 'put'];
const OPERATIONS = {
  listDevices: 'get /devices',
  bindDevice: 'post /devices',
  getDevice: 'get /devices/{deviceid}',
  unbindDevice: 'delete /devices/{deviceid}',
  createSession: 'post /sessions',
  closeSession: 'patch /sessions/close/{token_session}',
  getSession: 'get /sessions/{token_session}',
  listSessionsByDevice: 'get /sessions/device/{deviceid}',
  getActiveSession: 'get /sessions/device/{deviceid}/active',
  insertPassings: 'post /passings',
  listPassingsBySession: 'get /passings/session/{token_session}',
  listPassingsByDevice: 'get /passings/device/{deviceid}',
  pollPassings: 'get /passings/device2/{deviceid}',
  listEvents: 'get /events',
};
/** The errors that the vendor lists, by operation; the others are inferred. */
const LISTED: Record<string, readonly string[]> = {
  bindDevice: ['400', '403'],
  getDevice: ['404'],
  unbindDevice: ['400', '403', '404'],
  createSession: ['404'],
  closeSession: ['404'],
  getSession: ['404'],
  listSessionsByDevice: ['404'],
  getActiveSession: ['404'],
  insertPassings: ['400', '403', '404', '413', '500'],
  listPassingsBySession: ['403', '404', '500'],
  listPassingsByDevice: ['403', '404', '500'],
};
const REQUESTS = ['BindDeviceRequest', 'CreateSessionRequest', 'InsertPassingsRequest', 'PassingInput'];

type Node = { [key: string]: unknown };
const nodeOf = (value: unknown) => value as Node;
const schemaOf = (response: unknown) => nodeOf(nodeOf(nodeOf(response).content)['application/json']).schema;

/** Every object in the document, with the keys that lead to it. */
function* walk(value: unknown, path: readonly string[] = []): Generator<[readonly string[], Node]> {
  if (typeof value !== 'object' || value === null) return;
  yield [path, nodeOf(value)];
  for (const [key, child] of Object.entries(value)) yield* walk(child, [...path, key]);
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rufus-generated-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the document', () => {
  let document: Node = {};
  beforeAll(async () => {
    await createClient({
      input: './openapi/rufus.yaml',
      output: join(folder, 'unused'),
      dryRun: true,
      logs: { level: 'silent', file: false },
      plugins: ['@hey-api/typescript'],
      parser: {
        patch(parsed) {
          document = structuredClone(nodeOf(parsed));
        },
      },
    } satisfies UserConfig);
  });

  test('is what the operation table asks for, parameter by parameter', () => {
    const { shapes: _, ensureDevice: __, ...operations } = table;
    const parameters = nodeOf(nodeOf(document.components).parameters);
    const documented = Object.entries(nodeOf(document.paths)).flatMap(([path, item]) =>
      METHODS.filter((method) => method in nodeOf(item)).map((method) => `${method} ${path}`),
    );
    const rows = Object.values(operations).map(({ method, path }) => `${method.toLowerCase()} ${path}`);
    expect(rows.sort()).toEqual(documented.sort());

    for (const { method, path, encode } of Object.values(operations)) {
      const { parameters: listed = [] } = nodeOf(nodeOf(nodeOf(document.paths)[path])[method.toLowerCase()]);
      const takes = (query: object): boolean => {
        try {
          encode({ deviceid: 'D', token_session: 'T', query } as never);
          return true;
        } catch {
          return false;
        }
      };
      for (const each of (listed as Node[]).map((one) =>
        nodeOf(parameters[String(one.$ref).split('/').at(-1)!] ?? one),
      )) {
        const name = String(each.name);
        // A list counts its pages from 1, wherever the API has a page 0.
        if (each.in !== 'query' || name === 'page') continue;
        const { type, format, minimum, maximum } = nodeOf(each.schema);
        if (type === 'integer') {
          expect(takes({ [name]: minimum }), `${path} ${name}`).toBe(true);
          expect(takes({ [name]: Number(minimum) - 1 }), `${path} ${name}`).toBe(false);
          if (maximum !== undefined) expect(takes({ [name]: maximum }), `${path} ${name}`).toBe(true);
          expect(takes({ [name]: Number(maximum ?? Number.MAX_SAFE_INTEGER) + 1 }), `${path} ${name}`).toBe(false);
        } else {
          expect(
            takes({ [name]: format === 'date-time' ? '2024-04-21T09:30:00.000Z' : 'text' }),
            `${path} ${name}`,
          ).toBe(true);
        }
      }
    }
  });

  test('has all 14 operations, each with its evidence, its errors and Retry-After', () => {
    const found: Record<string, string> = {};
    for (const [path, item] of Object.entries(nodeOf(document.paths))) {
      for (const method of METHODS.filter((each) => each in nodeOf(item))) {
        const operation = nodeOf(nodeOf(item)[method]);
        found[String(operation.operationId)] = `${method} ${path}`;
        expect(operation['x-evidence'], path).toBeInstanceOf(Array);
        expect(Object.keys(nodeOf(operation.responses)), path).toEqual(
          expect.arrayContaining(['400', '401', '403', '429', '500', '5XX']),
        );
      }
    }
    expect(found).toEqual(OPERATIONS);
    const { TooManyRequests, GatewayError } = nodeOf(nodeOf(document.components).responses);
    for (const response of [TooManyRequests, GatewayError])
      expect(nodeOf(response).headers).toHaveProperty('Retry-After');
  });

  test('marks the errors that the vendor does not list for an operation as inferred', () => {
    const responses = nodeOf(nodeOf(document.components).responses);
    for (const item of Object.values(nodeOf(document.paths))) {
      for (const method of METHODS.filter((each) => each in nodeOf(item))) {
        const { operationId, responses: answers } = nodeOf(nodeOf(item)[method]);
        const inferred = Object.entries(nodeOf(answers))
          .filter(([status]) => /^(400|403|404|413|500)$/.test(status))
          .map(([status, answer]) => {
            const name = String(nodeOf(answer).$ref).split('/').at(-1)!;
            return [status, String(nodeOf(responses[name])['x-evidence']) === 'inferred'];
          });
        const listed = LISTED[String(operationId)] ?? [];
        expect([operationId, Object.fromEntries(inferred)]).toEqual([
          operationId,
          Object.fromEntries(inferred.map(([status]) => [status, !listed.includes(String(status))])),
        ]);
        expect(inferred.map(([status]) => status)).toEqual(expect.arrayContaining([...listed]));
      }
    }
  });

  test('marks the constraints that are our reading', () => {
    const nodes = [...walk(document)];
    const marked = nodes.flatMap(([path, node]) =>
      ((node['x-inferred'] ?? []) as string[]).map((keyword) => `${path.slice(-2).join('.')} ${keyword}`),
    );
    expect(marked.length).toBeGreaterThan(20);
    for (const [path, node] of nodes) {
      const inferred = (node['x-inferred'] ?? []) as string[];
      for (const keyword of inferred) expect(node, path.join('.')).toHaveProperty(keyword);
      // Neither keyword is in anything that the vendor has published.
      for (const keyword of ['minLength', 'pattern']) {
        if (keyword in node && typeof node[keyword] !== 'object') expect(inferred, path.join('.')).toContain(keyword);
      }
    }
  });

  test('asks for exactly one session where one is answered', () => {
    const { SingleSession } = nodeOf(nodeOf(document.components).schemas);
    expect(nodeOf(SingleSession).properties).toMatchObject({ result: { type: 'array', minItems: 1, maxItems: 1 } });
    const paths = nodeOf(document.paths);
    for (const path of ['/sessions/{token_session}', '/sessions/device/{deviceid}/active']) {
      expect(paths[path]).toHaveProperty(['get', 'responses', '200', '$ref'], '#/components/responses/SingleSession');
    }
  });

  test('has a pattern for coordinates that are text, and the client reads whatever fits it', () => {
    const { Passing } = nodeOf(nodeOf(document.components).schemas);
    for (const field of ['latitude', 'longitude']) {
      const pattern = new RegExp(String(nodeOf(nodeOf(nodeOf(Passing).properties)[field]).pattern));
      for (const text of ['12.000', '-0.5', '41', '']) expect(text).toMatch(pattern);
      for (const text of ['north', '12,000', '1e3', ' ']) expect(text).not.toMatch(pattern);
      fc.assert(fc.property(fc.stringMatching(pattern), (text) => readCoordinate(text) !== undefined));
      // Judged by the client, which takes more spellings.
      for (const text of ['12.000', ' 12 ', '+1e1'])
        expect(wire.Passing.parse({ ...passing, [field]: text })[field]).toBe(text);
    }
  });

  test('names no evidence but the four kinds', () => {
    const marks = [...walk(document)].flatMap(([, node]) => ('x-evidence' in node ? [node['x-evidence']] : []));
    expect(marks.length).toBeGreaterThan(40);
    for (const mark of marks) expect(EVIDENCE).toEqual(expect.arrayContaining(mark as string[]));
  });

  test('takes the key in either header', () => {
    expect(document.security).toEqual([{ XApiKeyHeader: [] }, { ApiKeyHeader: [] }]);
    const { XApiKeyHeader } = nodeOf(nodeOf(document.components).securitySchemes);
    expect(XApiKeyHeader).toMatchObject({ name: 'x-api-key', 'x-key-format': { 'x-evidence': ['docs'] } });
  });

  test('closes what is sent, and only that', () => {
    const closed = [...walk(document)]
      .filter(([, node]) => 'additionalProperties' in node)
      .map(([path]) => path.at(-1));
    expect(closed.sort()).toEqual(REQUESTS);
  });

  test('has every path that a document, a hover or an example asks for', () => {
    const shape = (path: string) => path.replace(/\$?\{[^}]*\}/g, '{}');
    const known = Object.keys(nodeOf(document.paths)).map(shape);
    const files = ['docs', 'src', 'examples'].flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
    );
    const texts = ['README.md', 'llms.txt', ...files].filter(
      (file) => /\.(md|txt|ts)$/.test(file) && !file.includes('node_modules'),
    );
    const asked = texts.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/\brequest\('[A-Z]+', ['`](\/[^'`]*)/g)].map(([, path]) => shape(path!)),
    );
    expect(asked.length).toBeGreaterThan(1);
    expect(known).toEqual(expect.arrayContaining(asked));
  });

  test('closes no set of values', () => {
    const sets = [...walk(document)].filter(([, node]) => 'enum' in node || 'const' in node);
    expect(sets.map(([path]) => path.join('.'))).toEqual([]);
  });

  test('describes each success with and without the envelope', () => {
    const responses = nodeOf(nodeOf(document.components).responses);
    const errors = Object.entries(responses).filter(([, response]) =>
      isDeepStrictEqual(schemaOf(response), { $ref: '#/components/schemas/ErrorAnswer' }),
    );
    const successes = Object.entries(responses).filter((entry) => !errors.some(([name]) => name === entry[0]));
    expect(successes).toHaveLength(10);
    for (const [name, response] of successes) {
      const $ref = `#/components/schemas/${name}`;
      expect(schemaOf(response), name).toMatchObject({ anyOf: [{ properties: { body: { $ref } } }, { $ref }] });
    }
  });
});

describe('generation', () => {
  test('gives what is committed, twice the same', async () => {
    const [once, twice] = [join(folder, 'once'), join(folder, 'twice')];
    await generate(once);
    await generate(twice);
    expect(await readdir(once)).toEqual(['types.gen.ts', 'zod.gen.ts']);
    expect(await differences(once, twice)).toEqual([]);
    expect(await differences('src/generated', once)).toEqual([]);
  });

  test('notices a file that differs, is missing or is too many', async () => {
    const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
    await generate(ours);
    await generate(theirs);
    await writeFile(join(theirs, 'zod.gen.ts'), '// edited by hand');
    await rm(join(theirs, 'types.gen.ts'));
    await writeFile(join(theirs, 'more.ts'), '');
    expect((await differences(ours, theirs)).sort()).toEqual(['more.ts', 'types.gen.ts', 'zod.gen.ts']);
  });

  test('imports nothing but zod, and has no default to send', async () => {
    const files = await Promise.all(
      (await readdir('src/generated')).map((name) => readFile(join('src/generated', name), 'utf8')),
    );
    const text = files.join('\n');
    expect([...text.matchAll(/from '([^']+)'/g)].map(([, from]) => from)).toEqual(['zod']);
    expect(text).not.toMatch(/\.default\(|z\.object\(|z\.enum\(|\.transform\(|z\.coerce/);
  });
});

const passing = { timestamp: '2024-04-21T09:30:00.000Z', num_passing: 1, bib: '7' };

describe('what comes', () => {
  test('keeps its unknown fields', () => {
    const later = { tomorrow: { nested: true } };
    const items: [{ parse(value: unknown): unknown }, object][] = [
      [wire.Passing, { ...passing, ...later }],
      [wire.Session, { token_session: 'A', active: true, ...later }],
      [wire.Device, { deviceid: 'A', ...later }],
      [wire.RaceEvent, { event_token: 'A', ...later }],
      [wire.InsertReceipt, { description: 'ok', token_session: 'A', ...later }],
      [wire.PassingPoll, { passings: [{ ...passing, ...later }], ...later }],
      [
        wire.DeviceList,
        { description: '', pagination: { page: 1, limit: 1, total: 0, has_more: false, ...later }, ...later },
      ],
    ];
    for (const [schema, item] of items) expect(schema.parse(item)).toEqual(item);
  });

  test.each(['2024-04-21T11:30:00+02:00', '2024-04-21T09:30:00Z', '2024-02-29T09:30:00.123456Z'])(
    'may have the date-time %j, which stays as it is',
    (text) => {
      expect(wire.Passing.parse({ ...passing, timestamp: text }).timestamp).toBe(text);
      expect(wire.Device.parse({ deviceid: 'A', last_login: text }).last_login).toBe(text);
      expect(wire.RaceEvent.parse({ event_token: 'A', start_date: text }).start_date).toBe(text);
    },
  );

  test.each(['2024-04-21T09:30:00', '2024-04-21 09:30:00', '2023-02-30T09:30:00Z', '22/01/2023 09:20:26', 'now', ''])(
    'has no date-time such as %j',
    (text) => {
      expect(wire.Passing.safeParse({ ...passing, timestamp: text }).success).toBe(false);
      expect(wire.Device.safeParse({ deviceid: 'A', last_login: text }).success).toBe(false);
      expect(wire.Session.safeParse({ token_session: 'A', active: true, first: text }).success).toBe(false);
      expect(wire.RaceEvent.safeParse({ event_token: 'A', start_date: text }).success).toBe(false);
    },
  );

  test.each([41.38, '41.38', null, undefined, ''])('may have the coordinate %j', (latitude) => {
    expect(wire.Passing.parse({ ...passing, latitude }).latitude).toBe(latitude);
  });

  test('may have null in every field but those that must be there', () => {
    const items = [
      [wire.Passing, ['timestamp', 'num_passing', 'bib']],
      [wire.Session, ['token_session', 'active']],
      [wire.Device, ['deviceid']],
      [wire.RaceEvent, ['event_token']],
    ] as const;
    for (const [item, must] of items) {
      for (const [field, schema] of Object.entries(item.shape)) {
        const there = must.some((each) => each === field);
        expect(schema.safeParse(null).success, `${field} null`).toBe(!there);
        expect(schema.safeParse(undefined).success, `${field} absent`).toBe(!there);
      }
    }
  });
});

describe('what is sent', () => {
  test('is refused with an unknown field, which is named', () => {
    const refusals: [{ safeParse(value: unknown): { error?: { issues: object[] } } }, object, string[]][] = [
      [wire.PassingInput, passing, []],
      [wire.BindDeviceRequest, { type: 'box', model: 'M1', serial_number: '1' }, []],
      [wire.CreateSessionRequest, { deviceid: 'A' }, []],
      [wire.InsertPassingsRequest, { token_session: 'A', passings_list: [passing] }, []],
    ];
    for (const [schema, sound, path] of refusals) {
      expect(schema.safeParse(sound)).toMatchObject({ success: true });
      expect(schema.safeParse({ ...sound, chips: '1' }).error?.issues).toMatchObject([
        { code: 'unrecognized_keys', keys: ['chips'], path },
      ]);
    }
    const nested = wire.InsertPassingsRequest.safeParse({
      token_session: 'A',
      passings_list: [passing, { ...passing, chips: '1' }],
    });
    expect(nested.error?.issues).toMatchObject([{ keys: ['chips'], path: ['passings_list', 1] }]);
  });

  test('has a timestamp with a zone, of a day that exists', () => {
    const takes = (timestamp: unknown) => wire.PassingInput.safeParse({ ...passing, timestamp }).success;
    expect(takes('2024-04-21T11:30:00.123+02:00')).toBe(true);
    expect(takes('2024-04-21T11:30:00')).toBe(false);
    expect(takes('2024-02-30T11:30:00Z')).toBe(false);
  });

  test('has a passing at least, and ids that are not empty', () => {
    expect(wire.InsertPassingsRequest.safeParse({ token_session: 'A', passings_list: [] }).success).toBe(false);
    expect(wire.InsertPassingsRequest.safeParse({ token_session: '', passings_list: [passing] }).success).toBe(false);
    expect(wire.CreateSessionRequest.safeParse({ deviceid: '' }).success).toBe(false);
  });
});
