import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as main from '../src/index.js';
import * as outbox from '../src/outbox/index.js';
import * as schemas from '../src/schemas.js';
import * as testing from '../src/testing/index.js';
import { runChild } from './support/child.js';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

test('the main entry exports the client, the errors and the version, and no default', () => {
  expect(Object.keys(main).sort()).toEqual([
    'AuthenticationError',
    'BadRequestError',
    'ConflictError',
    'NotFoundError',
    'PayloadTooLargeError',
    'PermissionDeniedError',
    'RateLimitError',
    'RufusAPIError',
    'RufusAbortError',
    'RufusClient',
    'RufusConfigError',
    'RufusConnectionError',
    'RufusError',
    'RufusRequestValidationError',
    'RufusResponseValidationError',
    'RufusTimeoutError',
    'ServerError',
    'VERSION',
    'passingTime',
  ]);
});

test('the outbox entry exports how to open and to read one, and its errors', () => {
  expect(Object.keys(outbox).sort()).toEqual([
    'NumberingUnknownError',
    'Outbox',
    'OutboxBusyError',
    'OutboxClosedError',
    'OutboxFullError',
    'OutboxLockedError',
    'SessionClosedError',
    'StorageError',
    'openOutbox',
    'readOutbox',
  ]);
});

test('the testing entry exports the sandbox, how to serve it, and the dispatcher for msw', () => {
  expect(Object.keys(testing).sort()).toEqual(['Sandbox', 'mswDispatcher', 'serveSandbox']);
});

test('the schemas entry exports zod schemas and nothing else', () => {
  expect(Object.keys(schemas)).toEqual(
    expect.arrayContaining(['Passing', 'PassingInput', 'Session', 'Device', 'RaceEvent']),
  );
  for (const schema of Object.values(schemas)) expect(schema).toHaveProperty('safeParse');
});

test('VERSION is that of package.json', () => {
  expect(main.VERSION).toBe(manifest.version);
});

test('importing reads no environment, leaves nothing behind and changes nothing global', async () => {
  const ended = await runChild(`
    const read = [];
    process.env = new Proxy(process.env, {
      get(target, name) {
        if (String(name).startsWith('RUFUS') || /proxy/i.test(String(name))) read.push(name);
        return target[name];
      },
    });
    // What zod and undici do on their own account is not ours to judge: they come first.
    await import('undici');
    await import('zod');
    const namesOf = (object) => Reflect.ownKeys(object).map(String);
    const globals = namesOf(globalThis);
    const countListeners = () => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
    const listeners = countListeners();
    // Timers and sockets; what the loader itself keeps open comes and goes.
    const countResources = () => process.getActiveResourcesInfo().filter((kind) => /Timeout|Immediate|TCP|TLS|UDP|Pipe/.test(kind)).length;
    const resources = countResources();
    await import('../src/index.ts');
    await import('../src/schemas.ts');
    await import('../src/outbox/index.ts');
    const news = {
      read,
      globals: namesOf(globalThis).filter((name) => !globals.includes(name)),
      listeners: countListeners() - listeners,
      resources: countResources() - resources,
    };
    console.log(JSON.stringify(news));
  `);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(ended.stdout)).toEqual({ read: [], globals: [], listeners: 0, resources: 0 });
});
