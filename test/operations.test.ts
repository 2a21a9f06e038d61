import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { OutboxStats } from 'rufus-client/outbox';
import { describe, expect, test, vi } from 'vitest';
import { metricsOf } from '../examples/prometheus/metrics.js';
import { startProxy } from '../examples/proxy/forward-proxy.js';
import { PROJECT_FOLDER, runScript } from './support/child.js';

// Each example is a process of its own, on cores that may be busy.
vi.setConfig({ testTimeout: 150_000 });

/** Held against the text format of Prometheus, line by line. */
function samplesOf(page: string): Map<string, number> {
  const samples = new Map<string, number>();
  const typed = new Set<string>();
  for (const line of page.trimEnd().split('\n')) {
    const type = /^# TYPE (\w+) (counter|gauge)$/.exec(line)?.[1];
    if (type !== undefined) typed.add(type);
    if (line === '' || line.startsWith('# ')) continue;
    const [, name, labels, value] = /^(\w+)\{((?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)+)\} (-?[\d.]+)$/.exec(line) ?? [];
    expect(typed, line).toContain(name);
    samples.set(`${name}{${labels}}`, Number(value));
  }
  return samples;
}

describe('prometheus', () => {
  test('shows an outage, and that it is over', async () => {
    const { code, stdout, stderr } = await runScript('examples/prometheus.ts');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [, during, after] = stdout.split(/^# (?:http|…).*\n/m).map(samplesOf);
    const figure = (page: Map<string, number> | undefined, name: string) =>
      page?.get(`rufus_outbox_${name}{checkpoint="Finish"}`);
    expect([figure(during, 'pending'), figure(during, 'delivered_total')]).toEqual([3, 0]);
    expect(figure(during, 'oldest_pending_age_seconds')).toBeGreaterThan(0);
    expect(during?.has('rufus_outbox_last_delivered_timestamp_seconds{checkpoint="Finish"}')).toBe(false);
    expect([figure(after, 'pending'), figure(after, 'delivered_total')]).toEqual([0, 3]);
    expect([figure(during, 'requests_total'), figure(after, 'requests_total')]).toEqual([1, 2]);
    expect(after?.get('rufus_outbox_state{checkpoint="Finish",state="idle"}')).toBe(1);
  });

  test('keeps to the format whatever a checkpoint is called, and never tells a token', () => {
    const stats: OutboxStats = {
      state: 'blocked',
      storage: 'full',
      token_session: 'A'.repeat(64),
      appended: 3,
      delivered: 1,
      parked: 1,
      pending: 1,
      inserted: 1,
      duplicates: 0,
      requests: 2,
      retries: 1,
      diskBytes: 4_096,
      oldestPendingAgeMs: 1_500,
      lastDeliveredAt: '2026-05-03T09:00:00.250Z',
      lastError: 'unauthenticated',
    };
    const page = metricsOf({ 'Start "A"\n\\': stats, Finish: stats });
    expect(page).not.toContain('AAAA');
    const samples = samplesOf(page);
    expect(samples.get('rufus_outbox_oldest_pending_age_seconds{checkpoint="Start \\"A\\"\\n\\\\"}')).toBe(1.5);
    expect(samples.get('rufus_outbox_storage_ok{checkpoint="Finish"}')).toBe(0);
    expect(samples.get('rufus_outbox_last_delivered_timestamp_seconds{checkpoint="Finish"}')).toBe(1777798800.25);
    expect(samples.get('rufus_outbox_state{checkpoint="Finish",state="blocked"}')).toBe(1);
    expect(samples.get('rufus_outbox_state{checkpoint="Finish",state="idle"}')).toBe(0);
  });
});

describe('proxy', () => {
  test('carries every call', async () => {
    const { code, stdout, stderr } = await runScript('examples/proxy.ts');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^1 passing stored, through the proxy\n((CONNECT 127\.0\.0\.1:\d+|POST http:\S+): [1-9]\d* bytes\n)+$/,
    );
  });

  test('is one that turns away who has no password', async () => {
    const { RufusClient } = await import('rufus-client');
    const proxy = await startProxy({ user: 'finish', password: 'line' });
    await using client = new RufusClient({
      apiKey: 'ror-0123456789abcdef0123',
      baseUrl: 'https://127.0.0.1:9/v0',
      proxy: proxy.url.replace('finish:line@', ''),
      retry: false,
    });
    await expect(client.devices.list()).rejects.toMatchObject({ code: 'connection' });
    expect(proxy.passages).toEqual([{ asked: 'CONNECT 127.0.0.1:9', bytes: 0 }]);
    await proxy.close();
  });
});

describe('with packages of their own', () => {
  const missing = !existsSync(join(PROJECT_FOLDER, 'examples/operations/node_modules'));
  const why = 'its packages are not installed: npm run examples:operations';

  test('opentelemetry shows a batch as one trace, its attempts below it', async ({ skip }) => {
    skip(missing, why);
    const { code, stdout, stderr } = await runScript('examples/operations/opentelemetry.ts');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const traces = stdout.split(/^trace [\da-f]{32}\n/m).slice(1);
    expect(traces).toEqual([
      expect.stringMatching(
        /^rufus passings\.insert \/passings: 201, .*\n {2}POST \/v0\/passings: 503, .*\n {2}POST \/v0\/passings: 201, .*\n\n$/,
      ),
      expect.stringMatching(
        /^rufus passings\.listBySession .*: 200, .*\n {2}GET \/v0\/passings\/session\/.*: 200, .*\n$/,
      ),
    ]);
    expect(stdout).toContain("'rufus.attempts': 2");
    expect(stdout).not.toMatch(/[\dA-F]{64}/); // no token
  });

  test('pino writes the retry with its fields', async ({ skip }) => {
    skip(missing, why);
    const { code, stdout, stderr } = await runScript('examples/operations/pino.ts');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ level, msg }) => [level, msg])).toContainEqual([30, 'retry']);
    expect(lines.find(({ msg }) => msg === 'retry')).toMatchObject({
      module: 'rufus',
      operation: 'passings.insert',
      code: 'server_error',
    });
    expect(lines.at(-1)).toMatchObject({ msg: 'attempt', operation: 'passings.insert', attempt: 2, status: 201 });
  });
});
