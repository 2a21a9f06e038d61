// Every error of the library, met once through the command: its exit code, one line that says what to do, no stack, no key, no token.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import * as library from 'rufus-client';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { empty, halfJson, hang, html, json, reset } from '../support/behaviours.js';
import { refusedPort } from '../support/client.js';
import { type Behaviour, startServer } from '../support/server.js';
import { openAccount } from './support/account.js';
import { rufus, type Setting } from './support/rufus.js';

const KEY = 'ror-abcdef0123456789abcd';
const TOKEN = 'C0FFEE'.repeat(11).slice(0, 64);
const GET = ['sessions', 'get', TOKEN];
const met = new Set<string>();

async function meets(name: string, args: readonly string[], setting: Setting, exitCode: number, toDo: RegExp) {
  const { code, stdout, stderr } = await rufus(args, setting);
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
  expect(stderr).toMatch(/^rufus: [^\n]+\n$/);
  expect(stderr).toMatch(toDo);
  // No stack, no key, no token; and no name of the library's own API, which nobody here has called.
  expect(stderr).not.toMatch(/\n {4}at |\.[cm]?[jt]s:\d|ror-[0-9a-f]|C0FFEEC0FFEE/);
  expect(stderr).not.toMatch(/timeoutMs|baseUrl|apiKey|ensureBound|insertMany|allowInsecure/);
  met.add(name);
}

async function serverThat(behaviour: Behaviour): Promise<Setting> {
  const server = await startServer();
  server.always(behaviour);
  return { env: { RUFUS_BASE_URL: server.url, RUFUS_API_KEY: KEY } };
}

const says = (description: string) => ({ description });

describe('answers', () => {
  test.each([
    ['BadRequestError', 400, 1, /400 "No good".*Check what was passed in\./],
    ['AuthenticationError', 401, 3, /check the API key\. See rufus doctor, or rufus login\./],
    [
      'PermissionDeniedError',
      403,
      3,
      /the key may not do this: it takes READ or READ_WRITE access\. See rufus doctor\./,
    ],
    ['NotFoundError', 404, 4, /404 "No good".*Check the id\./],
    ['ConflictError', 409, 1, /409 "No good"/],
    ['PayloadTooLargeError', 413, 1, /413 "No good".*Send fewer/],
    ['RateLimitError', 429, 5, /Try again later\./],
    ['ServerError', 503, 5, /503 "No good" \(after 3 attempts\).*Try again later\./],
    ['RufusAPIError', 418, 1, /418 "No good"/],
  ])('%s (%d): exit code %d', async (name, status, exitCode, toDo) => {
    await meets(name, GET, await serverThat(json(status, says('No good'))), exitCode, toDo);
  });

  test('a redirect, and a 404 of a gateway, are no answers of the API', async () => {
    const redirect = await serverThat(json(302, says('Elsewhere'), { location: 'https://example.test/' }));
    await meets('redirect', GET, redirect, 5, /check the base URL/);
    await meets('gateway', GET, await serverThat(html(404)), 5, /no answer of the API: check the base URL/);
    await meets('empty', GET, await serverThat(empty(404)), 5, /check the base URL/);
  });

  test('RufusResponseValidationError: a captive portal, half a JSON, another shape', async () => {
    await meets('RufusResponseValidationError', GET, await serverThat(html()), 5, /captive portal/);
    await meets('half', GET, await serverThat(halfJson({ result: [] })), 5, /expected JSON/);
    await meets(
      'shape',
      GET,
      await serverThat(json(200, { result: 'none' })),
      5,
      /The base URL may be wrong, or the API has changed\./,
    );
  });
});

describe('no answer', () => {
  test('RufusConnectionError', async () => {
    const env = { RUFUS_BASE_URL: `http://127.0.0.1:${await refusedPort()}/v0`, RUFUS_API_KEY: KEY };
    await meets('RufusConnectionError', GET, { env }, 5, /ECONNREFUSED.*check the base URL and the port.*rufus doctor/);
    await meets('reset', GET, await serverThat(reset()), 5, /rufus doctor/);
  });

  test('RufusTimeoutError', async () => {
    await meets(
      'RufusTimeoutError',
      [...GET, '--timeout', '200ms'],
      await serverThat(hang()),
      5,
      /within 200 ms \(--timeout\).*--timeout 60s/,
    );
  });

  test('a proxy that does not answer, and one that is none', async () => {
    const proxy = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    onTestFinished(() => void proxy.close());
    const url = `http://user:sesame@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const { env } = await openAccount();
    await meets('proxy', [...GET, '--proxy', url], { env }, 5, /rufus doctor/);
    expect((await rufus([...GET, '--proxy', url], { env })).stderr).not.toContain('sesame');
    await meets(
      'no proxy',
      [...GET, '--proxy', 'over there'],
      { env },
      2,
      /--proxy is no URL of a proxy\. It looks like http:/,
    );
  });
});

describe('misuse', () => {
  test.each([
    ['RufusConfigError', GET, { RUFUS_BASE_URL: 'over there' }, /The base URL is no URL/i],
    ['plain http', GET, { RUFUS_BASE_URL: 'http://timing.example/v0' }, /Use https\./],
    ['malformed key', GET, { RUFUS_API_KEY: 'ror with blanks' }, /malformed/],
    ['RufusRequestValidationError', ['passings', 'export', '--device', 'D', '--from', 'noon'], {}, /from: expected/],
    ['path', ['sessions', 'get', '..'], {}, /token_session/],
  ])('%s: exit code 2', async (name, args, env, toDo) => {
    const account = await openAccount();
    await meets(name, args, { env: { ...account.env, ...env } }, 2, toDo);
  });
});

test('--log-level debug tells more, and no secret', async () => {
  const { env } = await openAccount();
  const { code, stderr } = await rufus([...GET, '--log-level', 'debug'], { env });
  expect(code).toBe(4);
  expect(stderr).toMatch(
    /^rufus: debug: attempt \{"operation":"sessions\.get","method":"GET","path":"\/sessions\/C0FFEEC0…",/,
  );
  expect(stderr).toMatch(/^rufus: debug: \{.*"code":"not_found".*"requestId":/m);
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^rufus: sessions\.get: .*Check the id\.$/);
  expect(stderr).not.toMatch(/\n {4}at |ror-[0-9a-f]|C0FFEEC0FFEE/);
});

afterAll(() => {
  // RufusError is the parent of all; an abort is met by Ctrl-C, in the tests of each command that can be stopped.
  const errors = Object.keys(library).filter((name) => name.endsWith('Error'));
  const others = ['RufusError', 'RufusAbortError'];
  expect(errors.filter((name) => !met.has(name) && !others.includes(name))).toEqual([]);
});
