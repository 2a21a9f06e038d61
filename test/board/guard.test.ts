// Who may look: tried from the side of those who may not.
import { RufusConfigError } from 'rufus-client';
import { serveBoard } from 'rufus-client/board';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ask, boardOf, company, type Mat, reads, readsOf, stateWhen } from './support.js';

const PATHS = ['/', '/api/state', '/api/runner?bib=1', '/events'];
const DATA = PATHS.slice(1);

async function served(options: { token?: string; host?: string; public?: boolean } = {}) {
  const { sandbox, writer, mats, clientOf } = await company(['Finish']);
  const [{ deviceid, token_session }] = mats as [Mat];
  const { host, ...rest } = options;
  const board = await boardOf({ client: clientOf(), devices: [deviceid], listen: { host, port: 0 }, ...rest });
  return { board, sandbox, writer, deviceid, token_session, port: new URL(board.url).port };
}

describe('by default', () => {
  test('listens on loopback only', async () => {
    const { board } = await served();
    expect(new URL(board.url).hostname).toBe('127.0.0.1');
    expect(board.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  test.each(['0.0.0.0', '::', '192.168.1.7', 'board.example'])(
    'does not listen on %s without a token or a word',
    async (host) => {
      const { clientOf } = await company([]);
      await expect(serveBoard({ client: clientOf(), devices: 'all', listen: { host, port: 0 } })).rejects.toThrow(
        /`token`.*`public: true`/,
      );
    },
  );

  test('listens elsewhere with a token, or explicitly for all, and names an address that others can use', async () => {
    for (const options of [{ token: 'secret' }, { public: true }]) {
      const { board } = await served({ host: '0.0.0.0', ...options });
      expect(board.url).not.toContain('0.0.0.0');
      expect((await fetch(board.url)).status).toBe(200);
    }
  });
});

describe('a page of somebody else', () => {
  test.each([
    'evil.example',
    'evil.example:8080',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'localhost@evil',
    '127.0.0.1:80:80',
    '[::1',
    'localhost\\.evil',
  ])('cannot be led here under its own name: Host %s', async (host) => {
    const { board } = await served();
    for (const path of PATHS) expect((await ask(board.url + path, { host })).status).toBeOneOf([400, 403]);
  });

  test('may not ask in the name of its own origin, on no path', async () => {
    const { board, port } = await served();
    for (const origin of [
      'https://evil.example',
      'null',
      `http://localhost:${port}0`,
      'http://127.0.0.1',
      `http://127.0.0.1:${port}.evil.example`,
      `ftp://127.0.0.1:${port}`,
    ]) {
      for (const path of PATHS) expect((await ask(board.url + path, { origin })).status).toBe(403);
    }
  });

  test('may not open the events without saying its origin, as an image or a script would', async () => {
    const { board } = await served();
    for (const site of ['cross-site', 'same-site']) {
      for (const path of DATA) {
        const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
        expect((await ask(board.url + path, headers)).status).toBe(403);
      }
    }
  });

  test('may link to it, but not frame it', async () => {
    const { board } = await served();
    const from = (dest: string) => ({
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': dest,
    });
    const linked = await ask(`${board.url}/`, from('document'));
    expect(linked.status).toBe(200);
    expect(linked.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(linked.headers['x-frame-options']).toBe('DENY');
    expect((await ask(`${board.url}/`, from('iframe'))).status).toBe(403);
  });
});

test('its own page and scripts may ask, under every name of this machine', async () => {
  const { board, port } = await served();
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`, '[::1]:9000', '127.0.0.1']) {
    for (const path of PATHS) {
      expect((await ask(board.url + path, { host })).status).toBe(200);
      expect((await ask(board.url + path, { host, origin: `http://${host}` })).status).toBe(200);
      expect((await ask(board.url + path, { host, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    }
  }
});

describe('with a token', () => {
  const token = 'Horse-battery_staple.42~';

  test('gives nothing but the empty page without it', async () => {
    const { board, writer, token_session } = await served({ token });
    await writer.passings.insert(token_session, reads(['1']));
    expect((await ask(`${board.url}/`)).status).toBe(200);
    for (const path of DATA) {
      const refused = await ask(board.url + path);
      expect(refused.status).toBe(401);
      expect(refused.headers['www-authenticate']).toBe('Bearer');
    }
  });

  test.each([
    ['a wrong one', { authorization: 'Bearer wrong' }],
    ['a part of it', { authorization: `Bearer ${token.slice(0, -1)}` }],
    ['one that begins with it', { authorization: `Bearer ${token}x` }],
    ['another scheme', { authorization: `Basic ${token}` }],
    ['no scheme', { authorization: token }],
    ['an empty one', { authorization: 'Bearer ' }],
    ['a cookie', { cookie: `token=${token}` }],
  ])('is not opened by %s', async (_, headers) => {
    const { board } = await served({ token });
    for (const path of DATA) expect((await ask(board.url + path, headers as Record<string, string>)).status).toBe(401);
  });

  test('is not opened by the token in a query, which would be in every log on the way', async () => {
    const { board } = await served({ token });
    for (const name of ['token', 'access_token', 'key']) {
      expect((await ask(`${board.url}/api/state?${name}=${token}`)).status).toBe(401);
      expect((await ask(`${board.url}/events?${name}=${token}`)).status).toBe(401);
    }
  });

  test('is opened by the token as a bearer', async () => {
    const { board } = await served({ token });
    for (const path of DATA) {
      expect((await ask(board.url + path, { authorization: `Bearer ${token}` })).status).toBe(200);
      expect((await ask(board.url + path, { authorization: `bearer ${token}` })).status).toBe(200);
    }
    expect(board.url).not.toContain(token);
  });

  test('compares hashes of equal length by timingSafeEqual, whatever was sent', async () => {
    vi.resetModules();
    const compared: number[][] = [];
    vi.doMock('node:crypto', async (original) => {
      const crypto = await original<typeof import('node:crypto')>();
      const timingSafeEqual = (a: Buffer, b: Buffer) => {
        compared.push([a.length, b.length]);
        return crypto.timingSafeEqual(a, b);
      };
      return { ...crypto, timingSafeEqual };
    });
    onTestFinished(() => {
      vi.doUnmock('node:crypto');
      vi.resetModules();
    });
    const { Guard } = await import('../../src/board/guard.js');
    const guard = new Guard('localhost', token);
    const sent = ['x', token, token.slice(0, 3), 'y'.repeat(10_000)];
    const verdicts = sent.map((each) => guard.isAllowed({ headers: { authorization: `Bearer ${each}` } } as never));
    expect(verdicts).toEqual([false, true, false, false]);
    expect(compared).toEqual(sent.map(() => [32, 32]));
  });
});

test('answers only what is asked for, by reading', async () => {
  const { board } = await served();
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    for (const path of PATHS) expect((await ask(board.url + path, {}, method)).status).toBe(405);
  }
  for (const path of ['/nothing', '/api', '/api/state/', '//', '/%', '/events/x', '//evil.example/x']) {
    expect((await ask(board.url + path)).status).toBe(404);
  }
  for (const path of PATHS) expect((await ask(board.url + path, {}, 'HEAD')).status).toBe(200);
  // Still there.
  expect((await ask(`${board.url}/api/state`)).status).toBe(200);
});

test('every answer says that it is nobody else’s, and is not to be kept', async () => {
  const { board } = await served();
  for (const path of [...PATHS, '/nothing']) {
    const { headers } = await ask(board.url + path);
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  }
});

test('its policy allows what stands in the page, and nothing unsafe', async () => {
  const { board } = await served();
  const { headers, body } = await ask(`${board.url}/`);
  const policy = String(headers['content-security-policy']);
  expect(policy).not.toContain('unsafe');
  expect(policy).not.toContain('*');
  expect(policy).toMatch(/^default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+';/);
  expect(body).not.toMatch(/<[^>]+\s(?:on\w+|style)=/);
  expect(body).not.toMatch(/(?:src|href)=["']?(?:https?:)?\/\//);
});

test('neither the key nor a session token reaches a reader', async () => {
  const { board, sandbox, writer, token_session } = await served();
  await writer.passings.insert(token_session, reads(['1', '2']));
  await stateWhen(board.url, (state) => readsOf(state) === 2);
  const response = await fetch(`${board.url}/events`);
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  const bodies = await Promise.all(DATA.slice(0, 2).map(async (path) => (await ask(board.url + path)).body));
  for (const text of [...bodies, Buffer.from(value!).toString()]) {
    expect(text).not.toContain(sandbox.keys.read);
    expect(text).not.toContain(token_session.slice(0, 9));
  }
});

describe('options', () => {
  test.each([
    [{ client: {}, devices: 'all' }, /`client`/],
    [{ devices: [] }, /`devices`/],
    [{ devices: [''] }, /`devices`/],
    [{ devices: 'some' }, /`devices`/],
    [{ listen: { port: 70_000 } }, /`listen.port`/],
    [{ listen: { host: '' } }, /`listen.host`/],
    [{ listen: { hots: 'x' } }, /Unknown option `listen.hots`/],
    [{ timezone: 'UTC' }, /Unknown option `timezone`.*timeZone/],
    [{ timeZone: 'Mars/Base' }, /time zone such as Europe\/Madrid, not Mars\/Base/],
    [{ token: '' }, /`token`/],
    [{ token: 'with blank' }, /`token`/],
    [{ state: '' }, /`state`/],
    [{ title: 7 }, /`title`/],
  ])('%j are refused', async (options, message) => {
    const { clientOf } = await company([]);
    const refused = serveBoard({ client: clientOf(), devices: 'all', ...(options as object) });
    await expect(refused).rejects.toThrow(RufusConfigError);
    await expect(refused).rejects.toThrow(message);
  });

  test('a port that is taken is said to be', async () => {
    const { board, port } = await served();
    const { clientOf } = await company([]);
    const second = serveBoard({ client: clientOf(), devices: 'all', listen: { port: Number(port) } });
    await expect(second).rejects.toThrow(/EADDRINUSE.*another port/);
    expect((await ask(board.url)).status).toBe(200);
  });

  test('a device that is named twice is shown once', async () => {
    const { mats, clientOf } = await company(['Finish']);
    const { deviceid } = mats[0]!;
    const board = await boardOf({ client: clientOf(), devices: [deviceid, deviceid] });
    expect(JSON.parse((await ask(`${board.url}/api/state`)).body).devices).toHaveLength(1);
  });
});
