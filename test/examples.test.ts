import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { Sandbox } from 'rufus-client/testing';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Progress } from '../examples/support/progress.js';
import * as errors from '../src/core/errors.js';
import type { PassingInput } from '../src/index.js';
import { type Ended, PROJECT_FOLDER, runScript } from './support/child.js';

const REAL_SPLITS = join(PROJECT_FOLDER, '../shared/data/boston-2013-splits.csv.gz');

// Each example is a process of its own, on cores that may be busy.
vi.setConfig({ testTimeout: 150_000 });

const example = (name: string, ...args: string[]) => runScript(`examples/${name}.ts`, args);

function expectSuccess({ code, stderr }: Ended): void {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rufus-examples-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

describe('quickstart', () => {
  test('goes from a device to passings and back', async () => {
    const ended = await example('quickstart');
    expectSuccess(ended);
    expect(ended.stdout).toMatch(/^2 passings stored\n1 {2}17 .*\n2 {2}W3 +2026-05-03T09:02:41\.370Z\n$/);
  });

  test('asks for a key before it goes live', async () => {
    const ended = await example('quickstart', '--live');
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('RUFUS_API_KEY');
  });
});

test('errors meets every class', async () => {
  const ended = await example('errors');
  expectSuccess(ended);
  const met = ended.stdout.match(/^\w+Error(?= \()/gm) ?? [];
  const known = Object.keys(errors).filter((name) => name.endsWith('Error') && name !== 'RufusError');
  expect([...met].sort()).toEqual(known.filter((name) => /^[A-Z]/.test(name)).sort());
});

describe('the progress bar', () => {
  const drawn = (isTTY: boolean) => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const writes: string[] = [];
    const progress = new Progress('sending', 200, { isTTY, write: (text) => writes.push(text) });
    progress.add(50);
    progress.add(50);
    vi.advanceTimersByTime(100);
    progress.add(100);
    progress.end();
    return writes;
  };

  test('is drawn on a terminal, not at every step, and wiped at the end', () => {
    const bar = (length: number) => '█'.repeat(length).padEnd(30, '░');
    expect(drawn(true)).toEqual([`\rsending ${bar(8)} 50`, `\rsending ${bar(30)} 200`, '\r\x1b[K']);
  });

  test('is not there in a pipe or a file', () => {
    expect(drawn(false)).toEqual([]);
  });
});

describe('race-day', () => {
  test('sends a race and finds all of it again, without a progress bar in a pipe', async () => {
    const ended = await example('race-day', '--runners', '300');
    expectSuccess(ended);
    const { sent, back } = counts(ended);
    expect(sent).toBeGreaterThan(3_000);
    expect(back).toBe(sent);
    expect(ended.stdout).toContain('Complete: every read that was sent came back');
    expect(ended.stdout).toMatch(/^Finish +42\.2 +2\d\d /m);
  });

  test('takes a field from a file, plain or gzipped', async () => {
    const folder = await temporaryFolder();
    const csv = [
      'bib,gender,s_5k,s_10k,s_20k,s_half,s_25k,s_30k,s_35k,s_40k,s_official',
      '12,M,1000,2000,4000,4220,5000,6000,7000,8000,8440',
      'F3,F,1100,,4400,4640,5500,6600,7700,8800,9280',
      '',
    ].join('\n');
    await writeFile(join(folder, 'splits.csv'), csv);
    await writeFile(join(folder, 'splits.csv.gz'), gzipSync(csv));
    for (const file of ['splits.csv', 'splits.csv.gz']) {
      const ended = await example('race-day', '--splits', join(folder, file));
      expectSuccess(ended);
      expect(counts(ended)).toEqual({ sent: 17, back: 17 });
      expect(ended.stdout).toMatch(/^5K +5\.0 +2 +2 +09:50:20 +10:16:40 .* F F3, M 12$/m);
    }
  });

  test.skipIf(!existsSync(REAL_SPLITS))('sends all 145,273 crossings of a real marathon', async () => {
    const ended = await example('race-day', '--splits', REAL_SPLITS);
    expectSuccess(ended);
    expect(counts(ended)).toEqual({ sent: 145_273, back: 145_273 });
  });

  test.each([
    ['loses a passing', (passings: PassingInput[]) => passings.splice(7, 1), /1 missing$/m],
    ['changes a bib', ([passing]: PassingInput[]) => Object.assign(passing!, { bib: '0' }), /1 altered$/m],
    [
      'stores one in place of another',
      ([passing]: PassingInput[]) => Object.assign(passing!, { num_passing: 900_000 }),
      /1 missing, 1 unexpected$/m,
    ],
  ])('ends with 1 where the server %s', async (_, tamper, complaint) => {
    const server = await tamperedServer(tamper);
    const ended = await runScript('examples/race-day.ts', ['--live', '--runners', '100'], server);
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain('NOT COMPLETE');
    expect(ended.stdout).toMatch(complaint);
  });

  test('survives everything that can go wrong between a device and the server', async () => {
    const ended = await example('race-day', '--chaos', '--runners', '1500');
    expectSuccess(ended);
    const { sent, back } = counts(ended);
    expect(sent).toBeGreaterThan(20_000);
    expect(back).toBe(sent);
    expect(ended.stdout).toMatch(/^sent again [1-9][\d,]*, in [1-9][\d,]* retries; 0 parked$/m);
    for (const mishap of ['6 × device killed', '3 × link cut', '3 × answer lost after storing', '3 × captive portal']) {
      expect(ended.stdout).toContain(mishap);
    }
  });

  test('keeps its chaos away from real accounts', async () => {
    const ended = await example('race-day', '--chaos', '--live');
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('--live') });
  });

  test('ends with 2 and a hint where it is misused', async () => {
    for (const args of [['--runners', 'many'], ['--marathon']]) {
      const ended = await example('race-day', ...args);
      expect(ended.code).toBe(2);
      expect(ended.stderr).toContain('--help');
    }
  });

  test('ends with 1 and a reason where the splits file is missing', async () => {
    const ended = await example('race-day', '--splits', 'no-such-file.csv');
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('no-such-file.csv') });
  });

  test('tells its options', async () => {
    const ended = await example('race-day', '--help');
    expectSuccess(ended);
    for (const option of ['--runners', '--splits', '--chaos', '--live', '--seed'])
      expect(ended.stdout).toContain(option);
  });
});

function counts({ stdout }: Ended): { sent: number; back: number } {
  const after = (label: string) => Number(new RegExp(`^${label} +([\\d,]+)`, 'm').exec(stdout)?.[1]?.replace(/,/g, ''));
  return { sent: after('sent'), back: after('read back') };
}

/** A sandbox over HTTP that does something to the first list of passings it is sent, and confirms what it was sent. */
async function tamperedServer(tamper: (passings: PassingInput[]) => unknown): Promise<Record<string, string>> {
  const sandbox = new Sandbox();
  let tampered = false;
  const server = createServer(async (message, answer) => {
    let body = await text(message);
    let confirmed: number | undefined;
    if (!tampered && message.url === '/v0/passings') {
      tampered = true;
      const parsed = JSON.parse(body) as { passings_list: PassingInput[] };
      confirmed = parsed.passings_list.length;
      tamper(parsed.passings_list);
      body = JSON.stringify(parsed);
    }
    const {
      statusCode,
      headers,
      body: answered,
    } = await sandbox.dispatcher.request({
      origin: 'http://127.0.0.1',
      path: message.url!,
      method: message.method!,
      headers: message.headers as Record<string, string>,
      body,
    });
    let reply = await answered.text();
    if (confirmed !== undefined) reply = reply.replace(/"inserted_count":\d+/, `"inserted_count":${confirmed}`);
    const length = String(Buffer.byteLength(reply));
    answer.writeHead(statusCode, { ...(headers as Record<string, string>), 'content-length': length }).end(reply);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { RUFUS_API_KEY: sandbox.keys.readWrite, RUFUS_BASE_URL: `http://127.0.0.1:${port}/v0` };
}
