import { getEventListeners, setMaxListeners } from 'node:events';
import { delay, getResponse, HttpResponse, http, passthrough } from 'msw';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { mswDispatcher, Sandbox } from '../../src/testing/index.js';
import type { DispatcherLike } from '../../src/types.js';
import { inMemory } from './caller.js';

const ORIGIN = 'https://api.example.test';
const TOKEN = 'ABCDEF0123456789'.repeat(4);

const get = (dispatcher: DispatcherLike, path: string, signal?: AbortSignal) =>
  dispatcher.request({ origin: ORIGIN, path, method: 'GET', ...(signal && { signal }) });
/** The timers made from here on that were not cleared and have not fired. */
function trackTimers(): Set<unknown> {
  const { setTimeout, clearTimeout } = globalThis;
  const live = new Set<unknown>();
  vi.stubGlobal('setTimeout', (run: () => void, ms: number) => {
    const timer = setTimeout(() => {
      live.delete(timer);
      run();
    }, ms);
    live.add(timer);
    return timer;
  });
  vi.stubGlobal('clearTimeout', (timer: NodeJS.Timeout) => {
    live.delete(timer);
    clearTimeout(timer);
  });
  return live;
}
afterEach(() => void vi.unstubAllGlobals());

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

describe('mswDispatcher', () => {
  it('hands the request on and gives an answer shaped like undici’s', async () => {
    const seen: unknown[] = [];
    const dispatcher = mswDispatcher(
      http.post('*/v0/sessions', async ({ request }) => {
        seen.push(request.url, request.headers.get('api_key'), await request.json());
        const headers = new Headers({ 'X-Request-Id': 'abc' });
        headers.append('set-cookie', 'a=1');
        headers.append('set-cookie', 'b=2');
        return HttpResponse.json({ ok: true }, { status: 201, headers });
      }),
    );
    const answer = await dispatcher.request({
      origin: ORIGIN,
      path: '/base/v0/sessions?x=1',
      method: 'POST',
      headers: { api_key: 'ror-00', 'content-type': 'application/json' },
      body: Buffer.from('{"a":"é"}'),
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    expect(seen).toEqual([`${ORIGIN}/base/v0/sessions?x=1`, 'ror-00', { a: 'é' }]);
    expect(answer.statusCode).toBe(201);
    expect(answer.headers['x-request-id']).toBe('abc');
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(await answer.body.text()).toBe('{"ok":true}');
  });

  it('asks the handlers in order, `once` ones once', async () => {
    const dispatcher = mswDispatcher(
      http.get('*/v0/events', () => HttpResponse.text('first'), { once: true }),
      http.get('*/v0/events', () => HttpResponse.text('then')),
    );
    const texts = [];
    for (let count = 0; count < 3; count += 1) texts.push(await (await get(dispatcher, '/v0/events')).body.text());
    expect(texts).toEqual(['first', 'then', 'then']);
  });

  it('names what no handler answers, and what to add, without the token', async () => {
    const dispatcher = mswDispatcher(http.get('*/v0/events', () => HttpResponse.text('')));
    const failure = await get(dispatcher, `/v0/passings/session/${TOKEN}`).catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'ERR_UNHANDLED_REQUEST' });
    const { message } = failure as Error;
    expect(message).toContain(`GET ${ORIGIN}/v0/passings/session/ABCDEF01… is not handled`);
    expect(message).toContain("Add http.get('*/v0/passings/session/:token_session', …)");
    expect(message).not.toContain(TOKEN);
    await expect(get(dispatcher, '/v0/participants')).rejects.toThrow("Add http.get('*/v0/participants', …)");
  });

  it('refuses to pass through: there is no network behind it', async () => {
    const dispatcher = mswDispatcher(http.get('*', () => passthrough()));
    await expect(get(dispatcher, '/v0/events')).rejects.toThrow('passes it through');
  });

  it('turns HttpResponse.error() into a reset, and a body that breaks into an end of the connection', async () => {
    const broken = () => {
      const body = new ReadableStream({
        pull(controller) {
          controller.error(new Error('cable'));
        },
      });
      return new HttpResponse(body);
    };
    const dispatcher = mswDispatcher(
      http.get('*/v0/events', () => HttpResponse.error()),
      http.get('*/v0/devices', broken),
    );
    await expect(get(dispatcher, '/v0/events')).rejects.toMatchObject({ code: 'ECONNRESET', syscall: 'read' });
    const { body } = await get(dispatcher, '/v0/devices');
    await expect(body.text()).rejects.toMatchObject({ code: 'UND_ERR_SOCKET', cause: { message: 'cable' } });
  });

  it('rejects with what a handler throws', async () => {
    const dispatcher = mswDispatcher(
      http.get('*', () => {
        throw new TypeError('a slip of the test');
      }),
    );
    await expect(get(dispatcher, '/v0/events')).rejects.toThrow('a slip of the test');
  });

  it('gives an answer without a body as an empty one', async () => {
    const dispatcher = mswDispatcher(http.all('*', () => new HttpResponse(null, { status: 204 })));
    const signal = new AbortController().signal;
    for (const read of ['text', 'dump'] as const) {
      const { body } = await get(dispatcher, '/v0/events', signal);
      expect(listeners(signal)).toBe(0);
      expect((await body[read]()) ?? '').toBe('');
    }
  });
});

describe('signal', () => {
  it('that is aborted already: nothing is asked', async () => {
    let asked = 0;
    const dispatcher = mswDispatcher(
      http.all('*', () => {
        asked += 1;
        return HttpResponse.text('');
      }),
    );
    await expect(get(dispatcher, '/v0/events', AbortSignal.abort('no'))).rejects.toBe('no');
    expect(asked).toBe(0);
  });

  it('ends a wait for a handler that never answers, and one that ignores it', async () => {
    const dispatcher = mswDispatcher(
      http.get('*/v0/events', async ({ request }) => {
        await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
        return HttpResponse.error();
      }),
      http.get('*/v0/devices', async () => {
        await delay(50);
        return HttpResponse.text('too late');
      }),
    );
    for (const path of ['/v0/events', '/v0/devices']) {
      const abort = new AbortController();
      const attempt = get(dispatcher, path, abort.signal);
      abort.abort(new Error('mine'));
      await expect(attempt).rejects.toThrow('mine');
      expect(listeners(abort.signal)).toBe(0);
    }
  });

  it('leaves neither listener nor timer behind, whatever it cuts short', async () => {
    for (const fault of ['latency', 'hang', 'drip'] as const) {
      const { caller, sandbox } = await inMemory({ latencyMs: fault === 'latency' ? 60_000 : 0 });
      const timers = trackTimers();
      if (fault !== 'latency') sandbox.fault({ kind: fault });
      const abort = new AbortController();
      const attempt = caller.call('GET', '/events', { signal: abort.signal });
      while (timers.size === 0 && fault !== 'hang') await new Promise(setImmediate);
      abort.abort(new Error('mine'));
      await expect(attempt).rejects.toThrow('mine');
      expect(listeners(abort.signal)).toBe(0);
      expect(timers.size).toBe(0);
      vi.unstubAllGlobals();
    }
  });

  it('leaves no timer behind where the reader breaks off, or dumps a part', async () => {
    for (const part of ['break', 'dump'] as const) {
      const { caller, sandbox } = await inMemory();
      const timers = trackTimers();
      sandbox.fault({ kind: 'drip' });
      const abort = new AbortController();
      const { body } = await caller.request('GET', '/events', { signal: abort.signal });
      expect(listeners(abort.signal)).toBe(1);
      if (part === 'dump') await body.dump({ limit: 3 });
      else for await (const chunk of body) if (chunk.byteLength === 1) break;
      expect(timers.size).toBe(0);
      vi.unstubAllGlobals();
      expect(listeners(abort.signal)).toBe(0);
    }
  });

  it('shared by 1,000 calls has no listener left, after good answers and bad', async () => {
    const { caller, sandbox } = await inMemory();
    const { signal } = new AbortController();
    setMaxListeners(0, signal);
    for (let round = 0; round < 5; round += 1) {
      sandbox.fault({ kind: 'reset-before', times: 50 });
      sandbox.fault({ kind: 'truncate', times: 50 });
      const calls = Array.from({ length: 200 }, () => caller.call('GET', '/events', { signal }));
      const settled = await Promise.allSettled(calls);
      expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(100);
    }
    const { body } = await caller.request('GET', '/events', { signal });
    await body.dump();
    expect(listeners(signal)).toBe(0);
  });

  it('that aborts between the head and the body ends the body', async () => {
    const { caller } = await inMemory();
    for (const read of ['text', 'dump'] as const) {
      const abort = new AbortController();
      const { body } = await caller.request('GET', '/events', { signal: abort.signal });
      abort.abort(new Error('mine'));
      await expect(body[read]()).rejects.toThrow('mine');
      expect(listeners(abort.signal)).toBe(0);
    }
  });
});

describe('a body that is left', () => {
  it('is cancelled where it comes from', async () => {
    let cancelled = 0;
    const endless = () =>
      new ReadableStream({
        pull(controller) {
          controller.enqueue(new Uint8Array(8));
        },
        cancel() {
          cancelled += 1;
        },
      });
    const dispatcher = mswDispatcher(http.get('*', () => new HttpResponse(endless())));
    for await (const chunk of (await get(dispatcher, '/v0/events')).body) if (chunk.byteLength === 8) break;
    expect(cancelled).toBe(1);
    await (await get(dispatcher, '/v0/events')).body.dump({ limit: 100 });
    expect(cancelled).toBe(2);
  });

  it('stops to drip, also in the middle of a byte', async () => {
    const sandbox = new Sandbox();
    sandbox.fault({ kind: 'drip' });
    const request = new Request(`${ORIGIN}/v0/events`, { headers: { api_key: sandbox.keys.read } });
    const response = await getResponse([...sandbox.handlers], request);
    const timers = trackTimers();
    const reader = response!.body!.getReader();
    const pending = reader.read();
    expect(timers.size).toBe(1);
    await reader.cancel();
    expect(timers.size).toBe(0);
    expect(await pending).toEqual({ done: true, value: undefined });
  });
});

describe('latencyMs', () => {
  it('comes before each answer', async () => {
    const { caller } = await inMemory({ latencyMs: 40 });
    const start = performance.now();
    await caller.call('GET', '/events');
    expect(performance.now() - start).toBeGreaterThan(35);
  });
});
