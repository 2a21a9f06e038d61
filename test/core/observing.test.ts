// What the client tells of itself: log lines and the diagnostics channel.
import { channel, tracingChannel } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Logger, type LogLevel, NotFoundError, RufusRequestValidationError } from '../../src/index.js';
import { behind, enveloped, gate, html, json } from '../support/behaviours.js';
import { clientOf, KEY, rejection } from '../support/client.js';
import { DEVICE, device, OPERATIONS, passing, TOKEN } from '../support/operations.js';
import { startServer } from '../support/server.js';

const found = enveloped(200, { description: 'Device found', result: device() });

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

function recorder() {
  const lines: { level: keyof Logger; message: string; fields: object | undefined }[] = [];
  const at = (level: keyof Logger) => (message: string, fields?: object) => {
    lines.push({ level, message, fields });
  };
  const logger: Logger = { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
  return { lines, logger, levels: () => new Set(lines.map(({ level }) => level)) };
}

describe('logging', () => {
  const RANK: readonly LogLevel[] = ['off', 'error', 'warn', 'info', 'debug'];

  /** A call that is repeated, one that drifts, one that fails. */
  async function story(logLevel: LogLevel | undefined) {
    const server = await startServer();
    const { logger, lines, levels } = recorder();
    server.replies(
      html(502),
      found,
      json(200, { description: 'ok', result: [passing(1, { bib: null })] }),
      json(404, { description: 'Device not found' }),
    );
    const client = clientOf(server, { logger, logLevel });
    await client.devices.get(DEVICE);
    await client.passings.listBySession(TOKEN);
    await rejection(NotFoundError, client.devices.get(DEVICE));
    return { lines, levels: levels() };
  }

  it.each(RANK)('at level %s nothing beyond it is said', async (level) => {
    const { levels } = await story(level);
    // The story has nothing for `error`: what fails is thrown.
    const said = RANK.slice(2).filter((each) => RANK.indexOf(each) <= RANK.indexOf(level));
    expect(levels).toEqual(new Set(said));
  });

  it("is at 'warn' by default, and the environment may say otherwise", async () => {
    vi.stubEnv('RUFUS_LOG', undefined);
    expect((await story(undefined)).levels).toEqual(new Set(['warn']));
    vi.stubEnv('RUFUS_LOG', 'off');
    expect((await story(undefined)).lines).toEqual([]);
    vi.stubEnv('RUFUS_LOG', 'debug');
    expect((await story(undefined)).levels.has('debug')).toBe(true);
    expect((await story('off')).lines).toEqual([]);
  });

  it('tells of every repeat, and of which call', async () => {
    const server = await startServer();
    const { logger, lines } = recorder();
    server.replies(html(502), html(502), found);
    await clientOf(server, { logger, logLevel: 'info' }).devices.get(DEVICE);
    expect(lines.map(({ level, message }) => [level, message])).toEqual(Array(2).fill(['info', 'retry']));
    expect(lines.map(({ fields }) => fields)).toEqual(
      [1, 2].map((attempt) => expect.objectContaining({ operation: 'devices.get', attempt, code: 'server_error' })),
    );
  });

  it('tells how long each attempt took, in whole milliseconds, without what came before it', async () => {
    const server = await startServer();
    const { logger, lines } = recorder();
    const held = gate();
    server.replies(behind(held.opened, html(502)), found);
    const call = clientOf(server, { logger, logLevel: 'debug' }).devices.get(DEVICE).withResponse();
    setTimeout(() => held.open(), 50);
    const { response } = await call;
    const attempts = lines.filter(({ message }) => message === 'attempt');
    const [first = -1, second = -1] = attempts.map(({ fields }) => (fields as { durationMs: number }).durationMs);
    expect(first).toBeGreaterThanOrEqual(45);
    expect([first, second].every(Number.isInteger)).toBe(true);
    expect(first + second).toBeLessThanOrEqual(response.durationMs + 1);
  });

  it('messages are texts, fields are objects', async () => {
    const { lines } = await story('debug');
    // Four attempts, one retry, one drift.
    expect(lines).toHaveLength(6);
    for (const { message, fields } of lines) {
      expect(message).toBeTypeOf('string');
      expect(fields).toBeTypeOf('object');
    }
  });

  it('without a logger of yours it goes to standard error, never to standard output', async () => {
    const log = [vi.spyOn(console, 'log'), vi.spyOn(console, 'info'), vi.spyOn(console, 'debug')];
    for (const spy of log) spy.mockImplementation(() => {});
    const stdout = vi.spyOn(process.stdout, 'write');
    const said = [
      vi.spyOn(console, 'warn').mockImplementation(() => {}),
      vi.spyOn(console, 'error').mockImplementation(() => {}),
      vi.spyOn(process.stderr, 'write').mockImplementation(() => true),
    ];
    const server = await startServer();
    server.always(json(200, { description: 'ok', result: [passing(1, { bib: null })] }));
    await clientOf(server, { logLevel: 'warn' }).passings.listBySession(TOKEN);
    const calls = said.flatMap((spy) => spy.mock.calls.map((args: unknown[]) => inspect(args)));
    for (const spy of log) expect(spy).not.toHaveBeenCalled();
    expect(stdout).not.toHaveBeenCalled();
    expect(calls).toHaveLength(1);
    expect(calls[0]).toContain('bib');
  });
});

describe('the channel rufus-client:call', () => {
  type Published = { event: string; message: Record<string, unknown>; text: string };

  function subscribe(): { events: Published[]; end: () => void } {
    const events: Published[] = [];
    const on = (event: string) => (message: unknown) => {
      const text = inspect(message, { depth: Infinity, showHidden: true });
      events.push({ event, message: message as Record<string, unknown>, text });
    };
    const handlers = {
      start: on('start'),
      end: on('end'),
      asyncStart: on('asyncStart'),
      asyncEnd: on('asyncEnd'),
      error: on('error'),
    };
    const channel = tracingChannel('rufus-client:call');
    channel.subscribe(handlers);
    return { events, end: () => channel.unsubscribe(handlers) };
  }
  const count = (events: readonly Published[], name: string) => events.filter(({ event }) => event === name).length;

  it('tells of a call once, however many attempts it took', async () => {
    const server = await startServer();
    server.replies(html(502), html(502), found);
    const { events, end } = subscribe();
    await clientOf(server).devices.get(DEVICE);
    end();
    expect([count(events, 'start'), count(events, 'end'), count(events, 'asyncEnd'), count(events, 'error')]).toEqual([
      1, 1, 1, 0,
    ]);
    expect(new Set(events.map(({ message }) => message)).size).toBe(1);
    expect(events[0]?.message).toMatchObject({ operation: 'devices.get' });
  });

  it('tells of the error, and then of the end', async () => {
    const server = await startServer();
    server.always(json(404, { description: 'Device not found' }));
    const { events, end } = subscribe();
    const thrown = await rejection(NotFoundError, clientOf(server).devices.get(DEVICE));
    end();
    expect([count(events, 'start'), count(events, 'error'), count(events, 'asyncEnd')]).toEqual([1, 1, 1]);
    expect(events.find(({ event }) => event === 'error')?.message).toMatchObject({ error: thrown });
  });

  it.each(OPERATIONS)('$name: once, without the key', async (operation) => {
    const server = await startServer();
    server.always(enveloped(operation.status, operation.body));
    const { events, end } = subscribe();
    await operation.call(clientOf(server));
    end();
    expect([count(events, 'start'), count(events, 'asyncEnd')]).toEqual([1, 1]);
    expect(events[0]?.message).toMatchObject({ operation: operation.name });
    for (const { text } of events) expect(text).not.toContain(KEY);
    expect(events[0]?.text).not.toContain(TOKEN);
  });

  it('is silent for what never became a call', async () => {
    const server = await startServer();
    server.always(found);
    const client = clientOf(server);
    const { events, end } = subscribe();
    await rejection(RufusRequestValidationError, client.devices.get('..'));
    expect(events).toEqual([]);
    await client.devices.get(DEVICE);
    end();
    expect(count(events, 'start')).toBe(1);
  });

  it('nobody listening, nothing published', async () => {
    const server = await startServer();
    server.always(found);
    const { events, end } = subscribe();
    end();
    await clientOf(server).devices.get(DEVICE);
    expect(events).toEqual([]);
  });
});

describe("undici's own channels", () => {
  it('see every attempt, so that OpenTelemetry does', async () => {
    const server = await startServer();
    server.replies(html(502), found);
    const seen: string[] = [];
    const note = (message: unknown) => {
      const { request } = message as { request: { method: string; path: string } };
      seen.push(`${request.method} ${request.path}`);
    };
    channel('undici:request:create').subscribe(note);
    await clientOf(server).devices.get(DEVICE);
    channel('undici:request:create').unsubscribe(note);
    expect(seen).toEqual(Array(2).fill(`GET /v0/devices/${DEVICE}`));
  });
});
