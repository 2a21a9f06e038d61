import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Sandbox, type SandboxFault } from '../../src/testing/index.js';
import { inMemory, nums, type Rig, TRANSPORTS } from './caller.js';

async function withSession(rig: () => Promise<Rig>) {
  const made = await rig();
  const deviceid = await made.caller.bind('S1');
  const token = await made.caller.open(deviceid);
  return { ...made, deviceid, token };
}

/** What an attempt came to: its error's code, or its status. */
async function outcome(attempt: Promise<{ status: number }>): Promise<unknown> {
  try {
    return (await attempt).status;
  } catch (error) {
    return (error as { code?: unknown }).code ?? error;
  }
}

describe.each(TRANSPORTS)('faults over %s', (_name, rig) => {
  const insertUnder = async (fault: SandboxFault) => {
    await using day = await withSession(() => rig());
    const { caller, sandbox, token } = day;
    sandbox.fault({ on: 'POST /passings', ...fault });
    const came = await outcome(caller.insert(token, [1, 2]));
    const stored = nums(sandbox.state.passings(token));
    const repeated = await caller.insert(token, [1, 2]);
    expect(repeated.status).toBe(201);
    return { came, stored, duplicates: repeated.body.duplicate_count };
  };

  it('status: nothing is stored', async () => {
    expect(await insertUnder({ kind: 'status', status: 503 })).toEqual({ came: 503, stored: [], duplicates: 0 });
  });

  it('reset-before: nothing is stored', async () => {
    expect(await insertUnder({ kind: 'reset-before' })).toEqual({ came: 'ECONNRESET', stored: [], duplicates: 0 });
  });

  it('reset-after: it is stored', async () => {
    expect(await insertUnder({ kind: 'reset-after' })).toEqual({ came: 'ECONNRESET', stored: [1, 2], duplicates: 2 });
  });

  it('truncate: it is stored, and half of the answer comes', async () => {
    expect(await insertUnder({ kind: 'truncate' })).toEqual({ came: 'UND_ERR_SOCKET', stored: [1, 2], duplicates: 2 });

    await using day = await withSession(() => rig());
    const { caller, sandbox, deviceid } = day;
    const whole = Buffer.from(JSON.stringify((await caller.call('GET', `/devices/${deviceid}`)).raw));
    sandbox.fault({ kind: 'truncate' });
    const { statusCode, headers, body } = await caller.request('GET', `/devices/${deviceid}`);
    expect([statusCode, headers['content-length']]).toEqual([200, String(whole.length)]);
    const chunks: Uint8Array[] = [];
    const reading = (async () => {
      for await (const chunk of body) chunks.push(chunk);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'UND_ERR_SOCKET', message: 'other side closed' });
    expect(Buffer.concat(chunks)).toEqual(whole.subarray(0, whole.length >> 1));
  });

  it('html: a page with 200, or with the status given; nothing is stored', async () => {
    await using day = await withSession(() => rig());
    const { caller, sandbox, token } = day;
    sandbox.fault({ kind: 'html' });
    sandbox.fault({ kind: 'html', status: 502, headers: { 'retry-after': '3' } });
    const passings_list = [{ timestamp: '2026-03-15T08:00:00.000Z', num_passing: 1, bib: '1' }];
    for (const expected of [200, 502]) {
      const answer = await caller.request('POST', '/passings', { body: { token_session: token, passings_list } });
      expect(answer.statusCode).toBe(expected);
      expect(answer.headers['content-type']).toMatch(/^text\/html/);
      expect(answer.headers['retry-after']).toBe(expected === 502 ? '3' : undefined);
      expect(await answer.body.text()).toMatch(/^<!DOCTYPE html>/);
    }
    expect(sandbox.state.passings(token)).toEqual([]);
  });

  it('status carries headers, and a body as the API has it', async () => {
    await using day = await rig();
    const { caller, sandbox } = day;
    sandbox.fault({ kind: 'status', status: 429, headers: { 'Retry-After': '2' } });
    const limited = await caller.call('GET', '/devices');
    expect([limited.status, limited.headers['retry-after']]).toEqual([429, '2']);
    expect(limited.raw).toEqual({ body: { description: 'Injected by the sandbox: 429' } });
    sandbox.fault({ kind: 'status' });
    const failed = await caller.call('GET', '/devices');
    expect([failed.status, failed.raw]).toEqual([500, { body: null }]);
    const flat = await inMemory({ envelope: 'flat' });
    flat.sandbox.fault({ kind: 'status' });
    expect((await flat.caller.call('GET', '/devices')).raw).toEqual({ description: 'Injected by the sandbox: 500' });
    sandbox.fault({ kind: 'status', status: 204 });
    const bare = await caller.call('GET', '/devices');
    expect([bare.status, bare.raw]).toEqual([204, undefined]);
  });

  it('hang: no answer until the caller gives up; nothing is stored', async () => {
    await using day = await withSession(() => rig());
    const { caller, sandbox, token } = day;
    sandbox.fault({ kind: 'hang' });
    const giveUp = new AbortController();
    const body = {
      token_session: token,
      passings_list: [{ timestamp: '2026-03-15T08:00:00Z', num_passing: 1, bib: '1' }],
    };
    const attempt = caller.call('POST', '/passings', { body, signal: giveUp.signal });
    // Another call goes and comes meanwhile: the one that hangs holds up nothing.
    expect((await caller.call('GET', '/devices')).status).toBe(200);
    giveUp.abort(new Error('enough'));
    await expect(attempt).rejects.toThrow('enough');
    expect(sandbox.state.passings(token)).toEqual([]);
  });

  it('drip: the answer comes a byte at a time, and goes on after its end; it is stored', async () => {
    await using day = await withSession(() => rig());
    const { caller, sandbox, token } = day;
    sandbox.fault({ kind: 'drip' });
    const giveUp = new AbortController();
    const { statusCode, body } = await caller.request('PATCH', `/sessions/close/${token}`, { signal: giveUp.signal });
    expect(statusCode).toBe(200);
    let text = '';
    const reading = (async () => {
      for await (const chunk of body) {
        expect(chunk.byteLength).toBe(1);
        text += Buffer.from(chunk).toString();
        if (text.endsWith('}}  ')) giveUp.abort(new Error('enough'));
      }
    })();
    await expect(reading).rejects.toThrow('enough');
    expect(JSON.parse(text)).toEqual({
      body: { description: 'Session closed succesfully', token_session: token },
    });
    expect(sandbox.state.sessions[0]!.active).toBe(false);
  });

  it('is used up in order, the first that fits first, `times` times', async () => {
    await using day = await withSession(() => rig());
    const { caller, sandbox, deviceid } = day;
    sandbox.fault({ kind: 'status', status: 503, on: 'GET /devices', times: 2 });
    sandbox.fault({ kind: 'reset-before', on: 'GET /events' });
    sandbox.fault({ kind: 'status', status: 429 });
    const came = [];
    for (const path of ['/events', '/devices', '/events', '/devices', '/devices', `/devices/${deviceid}`]) {
      came.push(await outcome(caller.call('GET', path)));
    }
    expect(came).toEqual(['ECONNRESET', 503, 429, 503, 200, 200]);
  });

  it('hits a request before its key and its body are looked at', async () => {
    await using day = await rig();
    const { caller, sandbox } = day;
    sandbox.fault({ kind: 'status', status: 502 });
    expect((await caller.call('POST', '/passings', { key: null, body: '{' })).status).toBe(502);
  });
});

describe('on', () => {
  const CALLS = [
    'POST /passings',
    'GET /passings/session/#',
    'GET /passings/device/#',
    'GET /devices',
    'GET /devices/#',
    'GET /sessions/device/#',
    'GET /sessions/device/#/active',
  ];
  const hits = async (on: string) => {
    const { caller, sandbox } = await inMemory();
    const hit: string[] = [];
    for (const call of CALLS) {
      sandbox.fault({ kind: 'status', status: 418, on });
      const [method, path] = call.replace('#', 'A'.repeat(64)).split(' ') as [string, string];
      const { status } = await caller.call(method, path);
      if (status === 418) hit.push(call);
      sandbox.reset();
    }
    return hit;
  };

  it.each<[on: string, expected: string[]]>([
    ['POST /passings', ['POST /passings']],
    ['/passings', ['POST /passings', 'GET /passings/session/#', 'GET /passings/device/#']],
    ['GET /passings', ['GET /passings/session/#', 'GET /passings/device/#']],
    ['GET /devices', ['GET /devices']],
    ['GET /devices/{deviceid}', ['GET /devices/#']],
    ['GET /devices/:id', ['GET /devices/#']],
    ['GET /devices/*', ['GET /devices/#']],
    ['GET /passings/session/{token_session}', ['GET /passings/session/#']],
    ['/passings/session', ['GET /passings/session/#']],
    ['GET /sessions/device/{deviceid}', ['GET /sessions/device/#']],
    ['GET /sessions/device', ['GET /sessions/device/#', 'GET /sessions/device/#/active']],
    ['GET /sessions/device/*/active', ['GET /sessions/device/#/active']],
    ['post', ['POST /passings']],
  ])('%s', async (on, expected) => {
    expect(await hits(on)).toEqual(expected);
  });

  it('takes a path with the very identifier', async () => {
    const { caller, sandbox, deviceid } = await withSession(inMemory);
    const other = await caller.bind('S2');
    sandbox.fault({ kind: 'status', on: `GET /devices/${deviceid}` });
    expect((await caller.call('GET', `/devices/${other}`)).status).toBe(200);
    expect((await caller.call('GET', `/devices/${deviceid}`)).status).toBe(500);
  });

  it('refuses what could never happen', () => {
    const sandbox = new Sandbox();
    for (const on of ['POST /passing', 'DELETE /events', 'GET /devices/x/y', '', 'GET  /devices', 'passings']) {
      expect(() => sandbox.fault({ kind: 'hang', on })).toThrow(TypeError);
    }
    expect(() => sandbox.fault({ kind: 'hang', times: 0 })).toThrow(RangeError);
    expect(() => sandbox.fault({ kind: 'status', status: 101 })).toThrow(RangeError);
    expect(() => sandbox.fault({ kind: 'htm' as 'html' })).toThrow(
      new TypeError(
        'A fault\'s kind is one of status, html, reset-before, reset-after, hang, drip, truncate, not "htm"',
      ),
    );
  });
});

describe('listen', () => {
  it('is on loopback, on the port asked for, and a taken one rejects', async () => {
    const blocker = createServer();
    const port = await new Promise<number>((resolve) =>
      blocker.listen(0, '127.0.0.1', () => resolve((blocker.address() as { port: number }).port)),
    );
    const sandbox = new Sandbox();
    await expect(sandbox.listen(port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await new Promise((resolve) => blocker.close(resolve));
    await expect(sandbox.listen({ port } as unknown as number)).rejects.toThrow(
      new TypeError(`A port is a number from 0 to 65535, not {"port":${port}}`),
    );
    const server = await sandbox.listen(port);
    expect(server.url).toBe(`http://127.0.0.1:${port}/v0`);
    await server.close();
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it('close ends a call that hangs, and one that drips', async () => {
    const sandbox = new Sandbox();
    const server = await sandbox.listen();
    const headers = { 'x-api-key': sandbox.keys.read };
    sandbox.fault({ kind: 'drip' });
    const dripping = await fetch(`${server.url}/devices`, { headers });
    sandbox.fault({ kind: 'hang' });
    const hanging = expect(fetch(`${server.url}/devices`, { headers })).rejects.toThrow();
    expect((await fetch(`${server.url}/events`, { headers })).status).toBe(200);
    await server.close();
    await hanging;
    await expect(dripping.text()).rejects.toThrow();
  });

  it('answers what is no operation with 404, as the dispatcher does', async () => {
    for (const [, rig] of TRANSPORTS) {
      await using day = await rig();
      const { caller } = day;
      expect((await caller.call('GET', '/devices/%zz')).status).toBe(404);
      for (const [method, path] of [
        ['GET', '/participants'],
        ['PUT', '/devices'],
      ] as const) {
        const { status, raw } = await caller.call(method, path);
        expect([status, raw]).toEqual([
          404,
          { message: expect.stringContaining(`No operation answers ${method} /v0${path}`) },
        ]);
      }
    }
  });

  it('works on no call whose caller has gone: the process ends by itself', { timeout: 60_000 }, async () => {
    const script = `
      import { Agent } from 'undici';
      import { Sandbox } from './src/testing/index.js';
      const sandbox = new Sandbox({ latencyMs: 1 });
      const slow = new Sandbox({ latencyMs: 600_000 });
      const server = await sandbox.listen();
      const slowServer = await slow.listen();
      for (const kind of ['hang', 'drip', 'slow']) {
        if (kind !== 'slow') sandbox.fault({ kind });
        const agent = new Agent();
        const { origin } = new URL(kind === 'slow' ? slowServer.url : server.url);
        const headers = { 'x-api-key': sandbox.keys.read };
        const signal = AbortSignal.timeout(200);
        const end = agent.request({ origin, path: '/v0/events', method: 'GET', headers, signal });
        await end.then(({ body }) => body.text()).catch((error) => console.log(kind, error.name));
        await agent.destroy();
      }
      await server.close();
      await slowServer.close();
      console.log('closed');`;
    const run = promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      timeout: 50_000,
    });
    expect((await run).stdout).toBe('hang TimeoutError\ndrip TimeoutError\nslow TimeoutError\nclosed\n');
  });

  it('serves two at once from one state', async () => {
    const sandbox = new Sandbox();
    const [one, two] = [await sandbox.listen(), await sandbox.listen()];
    const headers = { 'x-api-key': sandbox.keys.admin, 'content-type': 'application/json' };
    const body = JSON.stringify({ type: 'reader', model: 'M1', serial_number: 'S1' });
    await fetch(`${one.url}/devices`, { method: 'POST', headers, body });
    const list = await (await fetch(`${two.url}/devices`, { headers })).json();
    expect(list).toMatchObject({ body: { pagination: { total: 1 } } });
    await Promise.all([one.close(), two.close()]);
  });
});
