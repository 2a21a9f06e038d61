// "What must hold": a file is written at random speed, rotated and truncated, while the process that follows it is killed again
// and again, and everything between it and the server goes wrong that can. In the end every complete line is on the server once,
// as it is and in its order, and every bad one in the file of rejected lines once.
//
// RUFUS_FORWARD_LINES=20000 RUFUS_FORWARD_KILLS=30 for a longer run, RUFUS_FORWARD_SEED to repeat one.
import { appendFileSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RufusClient } from 'rufus-client';
import { Sandbox } from 'rufus-client/testing';
import { expect, onTestFinished, test } from 'vitest';
import { Random } from '../../outbox/disk/random.js';
import { HostileFront } from '../../outbox/oracle/hostile-front.js';
import { start, temporaryFolder } from '../support/rufus.js';

const SEED = Number(process.env.RUFUS_FORWARD_SEED ?? 20_260_419);
const LINES = Number(process.env.RUFUS_FORWARD_LINES ?? 6_000);
const KILLS = Number(process.env.RUFUS_FORWARD_KILLS ?? 10);
/** Of the life of a process, in milliseconds. */
const LONGEST_LIFE_MS = 900;
const HEADER = 'timestamp;bib;chip;status;latitude\r\n';

interface Sent {
  readonly line: string;
  /** What the server must have; undefined: the line is bad. */
  readonly passing:
    | { timestamp: string; bib: string; chip: string; status: string | null; latitude: number | null }
    | undefined;
}

function lineOf(id: number): Sent {
  const at = new Date(Date.UTC(2026, 3, 19, 9) + id * 37).toISOString();
  if (id % 149 === 7) return { line: `${at};;C${id};no bib;`, passing: undefined };
  if (id % 211 === 9) return { line: `${at.slice(0, -1)};B${id};C${id};no zone;`, passing: undefined };
  if (id % 307 === 11) return { line: `${at};B${id};"C${id};open quote;`, passing: undefined };
  const status = id % 5 === 0 ? `süd; "${id}"` : id % 7 === 0 ? '=1+1' : null;
  const latitude = id % 3 === 0 ? 41 + id / 1e5 : null;
  const cell = status === null ? '' : `"${status.replaceAll('"', '""')}"`;
  return {
    line: `${at.replace('Z', '789+00:00')};B${id};C${id};${cell};${latitude ?? ''}`,
    passing: { timestamp: at, bib: `B${id}`, chip: `C${id}`, status, latitude },
  };
}

class Writer {
  readonly taken: NonNullable<Sent['passing']>[] = [];
  readonly rejected: string[] = [];
  readonly #path: string;
  readonly #random: Random;
  #next = 0;
  #rest = '';

  constructor(path: string, random: Random) {
    this.#path = path;
    this.#random = random;
    writeFileSync(path, HEADER);
  }

  async write(count: number): Promise<void> {
    for (const end = this.#next + count; this.#next < end; ) {
      let text = this.#rest;
      for (let left = Math.min(1 + this.#random.int(30), end - this.#next); left > 0; left--) {
        const { line, passing } = lineOf(this.#next++);
        text += `${line}\r\n`;
        if (passing === undefined) this.rejected.push(line);
        else this.taken.push(passing);
      }
      // Whoever writes a buffer when it is full writes half lines.
      const cut = this.#random.chance(0.4) && this.#next < end ? this.#random.int(40) : 0;
      this.#rest = text.slice(text.length - cut);
      appendFileSync(this.#path, text.slice(0, text.length - cut));
      if (this.#random.chance(0.5)) await sleep(this.#random.int(30));
    }
  }

  /** A line that is never completed. */
  half(): void {
    appendFileSync(this.#path, lineOf(this.#next).line.slice(0, 20));
  }

  rotate(): void {
    renameSync(`${this.#path}`, `${this.#path}.${new Date().toISOString().replace(/\D/g, '')}`);
    writeFileSync(this.#path, HEADER);
  }

  truncate(): void {
    truncateSync(this.#path);
    appendFileSync(this.#path, HEADER);
  }
}

test('every complete line of a file reaches the server once', {
  timeout: 60_000 + LINES * 10 + KILLS * 3_000,
}, async () => {
  const random = new Random(SEED);
  const sandbox = new Sandbox();
  const admin = new RufusClient({ apiKey: sandbox.keys.admin, dispatcher: sandbox.dispatcher, logLevel: 'off' });
  const { deviceid } = await admin.devices.bind({ type: 'reader', model: 'M1', serial_number: 'SN-1' });
  const { token_session } = await admin.sessions.create({ deviceid });
  const front = await HostileFront.listen(sandbox, random);
  onTestFinished(() => front.close());
  const folder = temporaryFolder();
  const path = join(folder, 'finish.csv');
  const outbox = join(folder, 'outbox');
  const env = { RUFUS_BASE_URL: front.url, RUFUS_API_KEY: sandbox.keys.readWrite };
  const args = ['--delimiter', ';', '--timeout', '500ms', '--log-level', 'off'];
  const begin = () => start(['forward', '--device', deviceid, '--outbox', outbox, '--tail', path, ...args], { env });

  const writer = new Writer(path, random);
  let isWritten = false;
  let weather: Promise<void> | undefined;
  const arrived = () => sandbox.state.passings(token_session).length;
  const writing = async () => {
    const quarter = Math.floor(LINES / 4);
    await writer.write(quarter);
    writer.half();
    writer.rotate();
    await writer.write(quarter);
    writer.rotate();
    await writer.write(quarter);
    // What nobody has read when it is truncated is gone: the one thing that must be waited for.
    isCalm = true;
    await weather;
    front.calm();
    while (arrived() < writer.taken.length || rejectedLines(outbox).length < writer.rejected.length) await sleep(20);
    writer.half();
    writer.truncate();
    isCalm = false;
    weather = front.turn(() => isCalm);
    await writer.write(LINES - 3 * quarter);
    isWritten = true;
  };
  // Once in its life it must have seen the server, to know the session, and the file, to know with which one it begins.
  front.calm();
  let running = begin();
  await running.printed(/Reading/, 'stderr');
  let isCalm = false;
  weather = front.turn(() => isCalm);
  const written = writing();
  let kills = 0;
  while (kills < KILLS || !isWritten) {
    const { child, printed, ended } = running;
    await printed(/Reading/, 'stderr');
    await sleep(random.int(LONGEST_LIFE_MS));
    while (isCalm && child.exitCode === null) await sleep(20);
    if (child.kill('SIGKILL')) kills++;
    await ended;
    running = begin();
  }
  await written;
  isCalm = true;
  await weather;
  front.calm();
  const { child, ended, output } = running;
  for (let waited = 0; arrived() < writer.taken.length && waited < 20_000; waited += 50) await sleep(50);
  child.kill('SIGTERM');
  expect((await ended).code).toBe(143);

  const stored = sandbox.state.passings(token_session);
  console.log(
    JSON.stringify({
      seed: SEED,
      lines: LINES,
      kills,
      rejected: writer.rejected.length,
      ...Object.fromEntries(front.survived),
    }),
  );
  const shown = stored.map(({ timestamp, bib, chip, status, latitude }) => ({
    timestamp,
    bib,
    chip,
    status,
    latitude: latitude === null ? null : Number(latitude),
  }));
  expect(shown.length, `RUFUS_FORWARD_SEED=${SEED} ${output.stderr}`).toBe(writer.taken.length);
  expect(shown).toEqual(writer.taken);
  expect(stored.map(({ num_passing }) => num_passing)).toEqual(stored.map((_, index) => index + 1));
  expect(front.arrivals.map(({ num_passing }) => num_passing)).toEqual(stored.map(({ num_passing }) => num_passing));
  const rejected = rejectedLines(outbox);
  expect(rejected.map(({ line }) => line)).toEqual(writer.rejected);
  for (const { reason, line } of rejected) {
    const due = /no bib/.test(line)
      ? 'bib: missing; with --bibs'
      : /no zone/.test(line)
        ? 'has no zone'
        : 'a quote that is not closed';
    expect(reason).toContain(due);
  }
});

function rejectedLines(outbox: string): { line: string; reason: string; source: string }[] {
  try {
    const text = readFileSync(`${outbox}.rejected.jsonl`, 'utf8');
    // The last one may be about to be written.
    return text.split('\n').flatMap((line) => (line.endsWith('}') ? [JSON.parse(line)] : []));
  } catch {
    return [];
  }
}
