import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crossings } from './crossings.js';
import { temporaryFolder } from './outbox.js';
import { crossing, DEVICE, KEY } from './rows.js';
import type { Server } from './server.js';

const POLL_MS = 20;
const COLUMNS = ['timestamp', 'bib', 'chip', 'gender'] as const;

/** What a forwarder needed for the lines of a file, from the start of the process until the last one was delivered. */
export interface Forwarded {
  readonly ms: number;
  /** Resident memory, at so many moments. */
  readonly residentMiB: readonly number[];
}

/** A file as a timing program writes it. */
export function writeLines(folder: string, count: number): string {
  const path = join(folder, 'finish.csv');
  const { passings } = crossings();
  const lines = [COLUMNS.join(',')];
  for (let number = 0; number < count; number++) {
    const passing = passings[number] ?? crossing(number + 1);
    lines.push(COLUMNS.map((column) => String(passing[column] ?? '')).join(','));
  }
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

/** `rufus forward --tail` of a file that is there already. */
export async function forwardFile(path: string, count: number, server: Server): Promise<Forwarded> {
  using folder = temporaryFolder();
  const startedAt = performance.now();
  const args = ['--device', DEVICE, '--outbox', join(folder.path, 'outbox'), '--tail', path, '--http', '0'];
  const env = { ...process.env, RUFUS_API_KEY: KEY, RUFUS_BASE_URL: server.baseUrl };
  const child = spawn(process.execPath, ['dist/rufus.js', 'forward', ...args], { env });
  const residentMiB: number[] = [];
  try {
    const metrics = `${await addressIn(child)}/metrics`;
    for (;;) {
      const [, delivered] = /^rufus_outbox_delivered_total (\d+)$/m.exec(await (await fetch(metrics)).text()) ?? [];
      const ms = performance.now() - startedAt;
      residentMiB.push(residentOf(child));
      if (Number(delivered) === count) return { ms, residentMiB };
      await sleep(POLL_MS);
    }
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
}

/** The outbox alone, in a process of its own, with the same passings at hand. */
export async function deliverAlone(count: number, server: Server): Promise<number> {
  using folder = temporaryFolder();
  const startedAt = performance.now();
  const args = [join(folder.path, 'outbox'), server.baseUrl, String(count)];
  const child = fork(new URL('./outbox-process.js', import.meta.url), args, { execArgv: [] });
  const [preparedMs] = (await once(child, 'message')) as [number];
  const ms = performance.now() - startedAt - preparedMs;
  await once(child, 'exit');
  return ms;
}

async function addressIn(child: ChildProcess): Promise<string> {
  let said = '';
  for await (const chunk of child.stderr!.iterator({ destroyOnReturn: false })) {
    said += chunk;
    const [, url] = /(http:\S+)\.\n/.exec(said) ?? [];
    if (url !== undefined) {
      child.stderr!.resume();
      return url;
    }
  }
  throw new Error(`the forwarder ended: ${said}`);
}

function residentOf({ pid }: ChildProcess): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}
