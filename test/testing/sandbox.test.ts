import { readdir, readFile } from 'node:fs/promises';
import { getResponse, HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { describe, expect, it } from 'vitest';
import { mswDispatcher, Sandbox, type SandboxOptions } from '../../src/testing/index.js';
import { Caller, inMemory, numbers, nums } from './caller.js';

const BASE = 'https://api.runonrufus.com/v0';

describe('handlers', () => {
  it('are fourteen, for msw’s own getResponse, on any origin and below any base path that ends in /v0', async () => {
    const sandbox = new Sandbox();
    expect(sandbox.handlers).toHaveLength(14);
    const ask = (url: string) =>
      getResponse([...sandbox.handlers], new Request(url, { headers: { api_key: sandbox.keys.read } }));
    for (const base of [BASE, 'http://127.0.0.1:8080/v0', 'https://proxy.test/timing/rufus/v0']) {
      expect((await ask(`${base}/events`))?.status).toBe(200);
    }
    for (const url of ['https://api.runonrufus.com/events', `${BASE}/events/1`, `${BASE}1/events`]) {
      expect(await ask(url)).toBeUndefined();
    }
  });

  it('answer fetch in a set-up of one’s own, faults and overrides too', async () => {
    const sandbox = new Sandbox();
    const server = setupServer(...sandbox.handlers);
    server.listen({ onUnhandledRequest: 'error' });
    const headers = { 'x-api-key': sandbox.keys.read };
    try {
      expect((await fetch(`${BASE}/events`, { headers })).status).toBe(200);
      sandbox.fault({ kind: 'status', status: 429, headers: { 'retry-after': '1' } });
      expect((await fetch(`${BASE}/events`, { headers })).headers.get('retry-after')).toBe('1');
      sandbox.fault({ kind: 'reset-before' });
      await expect(fetch(`${BASE}/events`, { headers })).rejects.toThrow();
      sandbox.fault({ kind: 'truncate' });
      await expect(fetch(`${BASE}/events`, { headers }).then((answer) => answer.text())).rejects.toThrow();
      sandbox.fault({ kind: 'hang' });
      await expect(fetch(`${BASE}/events`, { headers, signal: AbortSignal.timeout(50) })).rejects.toThrow(/timeout/);
      server.use(http.get('*/v0/events', () => HttpResponse.text('mine')));
      expect(await (await fetch(`${BASE}/events`, { headers })).text()).toBe('mine');
    } finally {
      server.close();
    }
  });

  it('go behind one’s own in mswDispatcher, over the same state', async () => {
    const { sandbox, caller } = await inMemory();
    await caller.bind('S1');
    const own = http.get('*/v0/events', () => HttpResponse.json({ own: true }));
    const mixed = new Caller(mswDispatcher(own, ...sandbox.handlers), BASE, sandbox.keys.read);
    expect((await mixed.call('GET', '/events')).raw).toEqual({ own: true });
    expect((await mixed.call('GET', '/devices')).body.pagination.total).toBe(1);
  });
});

describe('state', () => {
  it('is as of the moment it is asked, and not the sandbox’s own', async () => {
    const { sandbox, caller } = await inMemory();
    const deviceid = await caller.bind('S1');
    const token_session = await caller.open(deviceid, 'one');
    await caller.insert(token_session, [1, 2], { latitude: 1.5 });
    const before = sandbox.state.passings(token_session);
    (before as unknown[]).length = 1;
    Object.assign(before[0]!, { bib: 'changed' });
    await caller.insert(token_session, [3]);
    expect(sandbox.state.passings(token_session).map(({ bib }) => bib)).toEqual(['1', '2', '3']);
    expect(sandbox.state.passings(token_session)[0]).toMatchObject({ token_session, deviceid, latitude: 1.5 });
    expect(sandbox.state.sessions).toEqual([expect.objectContaining({ token_session, deviceid, passings: 3 })]);
    expect(sandbox.state.devices).toEqual([expect.objectContaining({ deviceid, sessions: 1, passings: 3 })]);
  });

  it('is empty after reset; the keys stay, faults do not', async () => {
    const { sandbox, caller } = await inMemory();
    const token = await caller.open(await caller.bind('S1'));
    await caller.insert(token, [1]);
    sandbox.fault({ kind: 'status', times: 5 });
    const keys = { ...sandbox.keys };
    sandbox.reset();
    expect(sandbox.state.devices).toEqual([]);
    expect(sandbox.state.sessions).toEqual([]);
    expect(sandbox.state.passings(token)).toEqual([]);
    expect(sandbox.keys).toEqual(keys);
    expect((await caller.call('GET', '/devices')).status).toBe(200);
  });

  it('is each sandbox’s own', async () => {
    const [one, two] = [await inMemory(), await inMemory()];
    await one.caller.bind('S1');
    expect(two.sandbox.state.devices).toEqual([]);
    expect((await two.caller.call('GET', '/devices', { key: one.sandbox.keys.admin })).status).toBe(403);
  });
});

describe('the main entry', () => {
  it('needs neither msw nor the sandbox: nothing outside src/testing imports them', async () => {
    const src = new URL('../../src/', import.meta.url);
    const files = (await readdir(src, { recursive: true })).filter((file) => file.endsWith('.ts'));
    const outside = files.filter((file) => !file.startsWith('testing'));
    expect(outside).toContain('index.ts');
    for (const file of outside) {
      expect(await readFile(new URL(file, src), 'utf8'), file).not.toMatch(/from '(msw|.*\/testing\/)/);
    }
  });
});

describe('options', () => {
  it.each([
    [{ envelope: 'bare' }, 'envelope must be one of spec, flat, not bare'],
    [{ endOfPages: 404 }, 'endOfPages must be one of empty, absent, 404, not 404'],
    [{ unknownKey: 404 }, 'unknownKey must be one of 403, 401, not 404'],
    [{ pageSize: 0 }, 'pageSize must be an integer of 1 or more, not 0'],
    [{ latencyMs: -1 }, 'latencyMs must be an integer of 0 or more, not -1'],
    [{ maxBodyBytes: Number.NaN }, 'maxBodyBytes must be an integer of 1 or more, not NaN'],
  ])('%j is refused', (options, message) => {
    expect(() => new Sandbox(options as SandboxOptions)).toThrow(new RangeError(message));
  });
});

describe('size', () => {
  it('a session of 100,000 passings, sent shuffled in part, is read back whole', async () => {
    const { caller, sandbox } = await inMemory();
    const token = await caller.open(await caller.bind('S1'));
    const all = numbers(100_000);
    for (let start = 0; start < all.length; start += 5_000) {
      const batch = all.slice(start, start + 5_000);
      if (start % 10_000 === 0) batch.reverse();
      expect((await caller.insert(token, batch)).body.inserted_count).toBe(5_000);
    }
    expect(nums(sandbox.state.passings(token))).toEqual(all);
    const page = await caller.call('GET', `/passings/session/${token}?page=20`);
    expect(nums(page.body.result)).toEqual(all.slice(95_000));
  });
});
