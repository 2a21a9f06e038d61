import { afterEach, describe, expect, it, vi } from 'vitest';
import { RateLimitError, ServerError } from '../../src/index.js';
import { enveloped, html, json } from '../support/behaviours.js';
import { answerOf, clientAt, clientOf, fakeDispatcher, rejection } from '../support/client.js';
import { DEVICE, device } from '../support/operations.js';
import { startServer } from '../support/server.js';

const found = enveloped(200, { description: 'Device found', result: device() });
const once = { retry: { maxRetries: 0 } };

async function retryAfterOf(value: string): Promise<number | undefined> {
  const server = await startServer();
  server.always(json(429, {}, { 'retry-after': value }));
  return (await rejection(RateLimitError, clientOf(server).devices.get(DEVICE, once))).retryAfterMs;
}

describe('reading Retry-After', () => {
  it.each([
    ['0', 0],
    ['1', 1_000],
    ['120', 120_000],
    [' 7 ', 7_000],
    ['99999999999', 99_999_999_999_000],
  ])('%j seconds', async (value, ms) => {
    expect(await retryAfterOf(value)).toBe(ms);
  });

  it('an HTTP date', async () => {
    const ms = await retryAfterOf(new Date(Date.now() + 90_000).toUTCString());
    expect(ms).toBeGreaterThan(60_000);
    expect(ms).toBeLessThanOrEqual(90_000);
  });

  it('a date in the past is no pause', async () => {
    expect(await retryAfterOf('Wed, 21 Oct 2015 07:28:00 GMT')).toBe(0);
  });

  it.each(['', 'soon', '-5', 'NaN', 'Infinity', '1e3', '0x10', '5 minutes', '12, 30'])(
    '%j is as good as absent',
    async (value) => {
      expect(await retryAfterOf(value)).toBeUndefined();
    },
  );

  it('is on the error of a 503 too, and absent where the server is silent', async () => {
    const server = await startServer();
    const client = clientOf(server);
    server.replies(html(503, { 'retry-after': '4' }), html(503));
    expect((await rejection(ServerError, client.devices.get(DEVICE, once))).retryAfterMs).toBe(4_000);
    expect((await rejection(ServerError, client.devices.get(DEVICE, once))).retryAfterMs).toBeUndefined();
  });
});

describe('obeying it', () => {
  it.each([
    { form: 'seconds', value: () => '1', least: 990 },
    { form: 'a date', value: () => new Date(Date.now() + 2_000).toUTCString(), least: 900 },
  ])('$form is a minimum, whatever the back-off', async ({ value, least }) => {
    const server = await startServer();
    server.replies((exchange) => json(429, {}, { 'retry-after': value() })(exchange), found);
    await clientOf(server, { retry: { baseDelayMs: 1, maxDelayMs: 2 } }).devices.get(DEVICE);
    const [first, second] = server.requests;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(least);
  });

  it.each(['0', 'Wed, 21 Oct 2015 07:28:00 GMT', 'garbage', '-1'])(
    '%j is repeated with the ordinary pause',
    async (value) => {
      const server = await startServer();
      server.replies(json(429, {}, { 'retry-after': value }), found);
      await expect(clientOf(server).devices.get(DEVICE)).resolves.toMatchObject({ deviceid: DEVICE });
      expect(server.requests).toHaveLength(2);
    },
  );

  it('beyond the cap it throws at once and says how long', async () => {
    const server = await startServer();
    server.always(json(429, {}, { 'retry-after': '61' }));
    const thrown = await rejection(RateLimitError, clientOf(server).devices.get(DEVICE));
    expect(thrown).toMatchObject({ retryAfterMs: 61_000, attempts: 1, status: 429, code: 'rate_limited' });
    expect(server.requests).toHaveLength(1);
  });

  it('the cap is an option, of the client and of the call', async () => {
    const server = await startServer();
    server.always(html(503, { 'retry-after': '2' }));
    const client = clientOf(server, { retry: { maxRetryAfterMs: 1_999 } });
    expect(await rejection(ServerError, client.devices.get(DEVICE))).toMatchObject({
      attempts: 1,
      retryAfterMs: 2_000,
    });
    const call = client.devices.get(DEVICE, { retry: { maxRetryAfterMs: 500 } });
    expect(await rejection(ServerError, call)).toMatchObject({ attempts: 1, retryAfterMs: 2_000 });
  });
});

describe('back-off', () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  /** The pauses between attempts, by a clock of our own. */
  async function pauses(draw: number, headers: Record<string, string> = {}): Promise<number[]> {
    vi.useFakeTimers();
    vi.spyOn(Math, 'random').mockReturnValue(draw);
    const at: number[] = [];
    const { dispatcher } = fakeDispatcher();
    dispatcher.request = async () => {
      at.push(Date.now());
      return answerOf(503, {}, headers);
    };
    const client = clientAt('https://api.example.test/v0', {
      dispatcher,
      retry: { maxRetries: 4, baseDelayMs: 1_000, maxDelayMs: 5_000, maxRetryAfterMs: 60_000 },
    });
    const failed = rejection(ServerError, client.devices.get(DEVICE));
    await vi.advanceTimersByTimeAsync(600_000);
    await failed;
    return at.slice(1).map((time, i) => time - (at[i] ?? 0));
  }

  it('doubles up to maxDelayMs, with full jitter from the first retry on', async () => {
    const longest = await pauses(0.999_999);
    const caps = [1_000, 2_000, 4_000, 5_000];
    expect(longest).toHaveLength(4);
    longest.forEach((ms, i) => {
      expect(ms).toBeGreaterThanOrEqual((caps[i] ?? 0) - 2);
      expect(ms).toBeLessThanOrEqual(caps[i] ?? 0);
    });
    vi.useRealTimers();
    const middle = await pauses(0.5);
    middle.forEach((ms, i) => {
      expect(Math.abs(ms - (caps[i] ?? 0) / 2)).toBeLessThanOrEqual(2);
    });
    vi.useRealTimers();
    for (const ms of await pauses(0)) expect(ms).toBeLessThanOrEqual(50);
  });

  it('never goes below Retry-After', async () => {
    const withHint = await pauses(0, { 'retry-after': '7' });
    expect(withHint).toHaveLength(4);
    for (const ms of withHint) expect(ms).toBeGreaterThanOrEqual(7_000);
  });
});
