import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Tail, tailSource } from '../../../src/cli/forward/tail/tail.js';
import { recordFormat } from '../../../src/cli/records/reader.js';
import { Taker } from './support/taker.js';

/** Of the random scripts: more on demand. */
const RUNS = Number(process.env.RUFUS_TAIL_RUNS ?? 40);
const HEADER = 'timestamp,bib\n';
const TIME = '2024-04-21T09:30:00.000Z';
const line = (bib: number | string) => `${TIME},${bib}\n`;

/** A folder with a file in it that somebody writes, and whoever follows that. */
class Course {
  readonly folder = mkdtempSync(join(tmpdir(), 'rufus-tail-'));
  readonly path = join(this.folder, 'finish.csv');
  readonly taker = new Taker(this.folder);
  readonly notes: string[] = [];
  readonly warnings: string[] = [];
  #end: (() => Promise<void>) | undefined;

  /** A new process begins to follow. */
  async start(columns?: readonly string[]): Promise<void> {
    const stop = new AbortController();
    const { intake, rejected, die } = await this.taker.intake(stop.signal);
    const tail = new Tail({
      path: this.path,
      format: await recordFormat({ columns }),
      intake,
      position: this.taker.positions.get(tailSource(this.path)),
      note: (text) => this.notes.push(text),
      warn: (text) => this.warnings.push(text),
      stop: stop.signal,
      pollMs: 1,
    });
    const running = tail.run().catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    this.#end = async () => {
      die();
      stop.abort();
      await running;
      await rejected.close();
    };
  }

  /** What it was about to make durable does not become so. */
  async kill(): Promise<void> {
    await this.#end?.();
    this.#end = undefined;
  }

  get isRunning(): boolean {
    return this.#end !== undefined;
  }

  write(text: string): void {
    appendFileSync(this.path, text);
  }

  /** As logrotate does: the oldest gets the highest number. */
  rotate(): void {
    this.countUp();
    renameSync(this.path, `${this.path}.1`);
  }

  countUp(): void {
    const name = (number: number) => `${this.path}.${number}`;
    let count = 0;
    while (existsSync(name(count + 1))) count++;
    for (let number = count; number > 0; number--) renameSync(name(number), name(number + 1));
  }

  /** Up to where the file was read, as it is stored. */
  get offset(): number {
    return JSON.parse(String(this.taker.positions.get(tailSource(this.path)) ?? '[]'))[2] ?? -1;
  }

  async until(count: number, rejected = 0): Promise<void> {
    for (let waited = 0; this.taker.passings.length < count || this.rejectedLines().length < rejected; waited++) {
      if (waited > 2_000) {
        throw new Error(
          `only ${this.taker.bibs} and ${this.rejectedLines()}: ${[...this.notes, ...this.warnings].join(' ')}`,
        );
      }
      await sleep(1);
    }
  }

  /** Nothing more comes. */
  async expect(bibs: readonly (number | string)[]): Promise<void> {
    await this.until(bibs.length);
    await sleep(20);
    expect(this.taker.bibs).toEqual(bibs.map(String));
  }

  rejectedLines(): string[] {
    const text = existsSync(this.taker.rejectedPath) ? readFileSync(this.taker.rejectedPath, 'utf8') : '';
    return text.split('\n').flatMap((entry) => (entry.endsWith('}') ? JSON.parse(entry).line : []));
  }
}

function course(): Course {
  const made = new Course();
  onTestFinished(async () => {
    await made.kill();
    rmSync(made.folder, { recursive: true });
  });
  return made;
}

describe('a file that is followed', () => {
  it('is read from its start, and on as it grows, half lines never', async () => {
    const track = course();
    track.write(HEADER + line(1));
    await track.start();
    await track.expect([1]);
    track.write(line(2) + line(34).slice(0, -2));
    await track.expect([1, 2]);
    track.write('4\n');
    await track.expect([1, 2, 34]);
  });

  it('may not exist yet', async () => {
    const track = course();
    await track.start();
    await sleep(20);
    expect(track.notes).toEqual([`${track.path} does not exist yet; waiting for it.`]);
    track.write(HEADER + line(1));
    await track.expect([1]);
  });

  it('is gone on with by another process, which knows its header', async () => {
    const track = course();
    track.write(HEADER + line(1));
    await track.start();
    await track.until(1);
    await track.kill();
    track.write(line(2));
    await track.start();
    await track.expect([1, 2]);
    expect(track.notes.at(-1)).toBe(`Reading ${track.path} from byte ${(HEADER + line(1)).length} on.`);
  });

  it('keeps its position behind lines that are rejected, too, and rejects each once', async () => {
    const track = course();
    track.write(`${HEADER}bad\n${line(1)}worse\n`);
    await track.start();
    await track.until(1);
    await track.kill();
    await track.start();
    track.write(line(2));
    await track.expect([1, 2]);
    expect(track.rejectedLines()).toEqual(['bad', 'worse']);
  });

  it('has its rejected lines once where a kill came between them and the position', async () => {
    const track = course();
    track.write(`${HEADER}bad\n${line(1)}worse\n`);
    let isKilled = false;
    track.taker.before = async () => {
      if (isKilled || track.rejectedLines().length === 0) return;
      isKilled = true;
      void track.kill();
    };
    await track.start();
    while (!isKilled) await sleep(1);
    await sleep(20);
    expect([track.taker.bibs, track.rejectedLines()]).toEqual([[], ['bad', 'worse']]);
    await track.start();
    await track.expect([1]);
    expect(track.rejectedLines()).toEqual(['bad', 'worse']);
  });

  it('is read in pieces, each stored before the next', async () => {
    const track = course();
    const bibs = Array.from({ length: 30_000 }, (_, index) => index);
    track.write(HEADER + bibs.map(line).join(''));
    let atOnce = 0;
    let most = 0;
    track.taker.before = async () => {
      most = Math.max(most, ++atOnce);
      await sleep(1);
      atOnce--;
    };
    await track.start();
    await track.expect(bibs);
    expect(most).toBe(1);
  });
});

describe('rotation by a new name', () => {
  it('reads the old file to its end before the new one', async () => {
    const track = course();
    track.write(HEADER + line(1));
    await track.start();
    await track.until(1);
    renameSync(track.path, join(track.folder, 'whatever it is called now'));
    appendFileSync(join(track.folder, 'whatever it is called now'), line(2));
    await track.until(2);
    // Its writer has it still open, though the new one is there.
    writeFileSync(track.path, '');
    appendFileSync(join(track.folder, 'whatever it is called now'), line(3));
    await track.until(3);
    track.write(HEADER + line(4));
    await track.expect([1, 2, 3, 4]);
  });

  it('is found out after a restart, several at a time too, whatever was read before', async () => {
    for (const alreadyRead of [0, 1, 2]) {
      const track = course();
      track.write(HEADER + line(1).repeat(Math.min(1, alreadyRead)) + line(2).repeat(Math.max(0, alreadyRead - 1)));
      await track.start();
      await track.until(alreadyRead);
      await sleep(20);
      await track.kill();
      track.write([1, 2].slice(alreadyRead).map(line).join('') + line(3));
      for (let bib = 4; bib <= 7; bib++) {
        track.rotate();
        track.write(HEADER + line(bib));
      }
      await track.start();
      await track.expect([1, 2, 3, 4, 5, 6, 7]);
      expect(track.warnings).toEqual([]);
    }
  });

  it('several times between two looks at it', async () => {
    const track = course();
    track.write(HEADER);
    await track.start();
    await sleep(20);
    const bibs = Array.from({ length: 40 }, (_, index) => index);
    for (const bib of bibs) {
      track.write(line(bib));
      track.rotate();
      track.write(HEADER);
    }
    await track.expect(bibs);
  });

  it('does not take a neighbour for a rotated file', async () => {
    const track = course();
    track.write(HEADER + line(1));
    await track.start();
    await track.until(1);
    await track.kill();
    renameSync(track.path, `${track.path}.1`);
    track.write(HEADER + line(2));
    await sleep(10);
    for (const name of [
      'finish2.csv',
      'finish-2.csv',
      'finish.csv.bak',
      'finish.csv.old',
      'finish.csv.2.gz',
      'finish.bibs.csv',
      'finish.csv.rejected.jsonl',
    ]) {
      writeFileSync(join(track.folder, name), HEADER + line('foreign'));
    }
    await track.start();
    track.write(line(3));
    await track.expect([1, 2, 3]);
  });

  it('goes by the names that it gives: dates before the extension, for instance', async () => {
    const track = course();
    track.write(HEADER + line(1));
    await track.start();
    await track.until(1);
    await track.kill();
    for (const [bib, time] of [
      [2, '20240421T093000'],
      [3, '20240421T103000'],
      [4, '20240421T113000'],
    ] as const) {
      renameSync(track.path, join(track.folder, `finish-${time}.csv`));
      track.write(HEADER + line(bib));
      await sleep(10);
    }
    writeFileSync(join(track.folder, 'finish-notes.csv'), HEADER + line('foreign'));
    await track.start();
    await track.expect([1, 2, 3, 4]);
  });

  it('drops a half line at the end of the old file, and says so', async () => {
    const track = course();
    track.write(HEADER + line(1) + line(23).slice(0, -2));
    await track.start();
    await track.until(1);
    track.rotate();
    track.write(HEADER + line(4));
    await track.expect([1, 4]);
    expect(track.warnings).toEqual([
      `${track.path} was rotated in the middle of a line: its last 26 bytes are no line.`,
    ]);
  });

  it('says that lines may be missing where the file that was read is gone', async () => {
    const track = course();
    track.write(HEADER + line(1) + line(2));
    await track.start();
    await track.until(2);
    await track.kill();
    rmSync(track.path);
    writeFileSync(join(track.folder, 'other'), 'takes the inode');
    track.write(HEADER + line(3));
    await track.start();
    await track.expect([1, 2, 3]);
    expect(track.warnings.join()).toMatch(/was replaced, and what was read before is gone|^$/);
  });

  it('does not lose files that were rotated before the first line was stored', async () => {
    for (const isThere of [true, false]) {
      const track = course();
      if (isThere) track.write(HEADER);
      await track.start();
      await sleep(40);
      await track.kill();
      await sleep(30);
      track.write((isThere ? '' : HEADER) + line(1));
      track.rotate();
      track.write(HEADER + line(2));
      await track.start();
      await track.expect([1, 2]);
    }
  });

  it('is no reason to read what was there before the first start', async () => {
    const track = course();
    writeFileSync(`${track.path}.1`, HEADER + line('old'));
    await sleep(30);
    await track.start();
    await sleep(10);
    track.write(HEADER + line(1));
    track.rotate();
    track.write(HEADER + line(2));
    await track.expect([1, 2]);
  });
});

describe('truncation', () => {
  it.each([true, false])('is read from its start (running: %s)', async (isRunning) => {
    const track = course();
    track.write(HEADER + [1, 2, 3].map(line).join(''));
    await track.start();
    await track.until(3);
    if (!isRunning) await track.kill();
    truncateSync(track.path);
    if (isRunning) await sleep(20);
    track.write(HEADER + line(4));
    if (!isRunning) await track.start();
    await track.expect([1, 2, 3, 4]);
    expect(track.notes).toContain(`${track.path} was truncated; it is read from its start.`);
    expect(track.warnings).toEqual([]);
  });

  it.each([true, false])('is noticed though the file has become longer since (running: %s)', async (isRunning) => {
    const track = course();
    track.write(HEADER + [1, 2].map(line).join(''));
    await track.start();
    await track.until(2);
    if (!isRunning) await track.kill();
    const bibs = Array.from({ length: 50 }, (_, index) => index + 100);
    writeFileSync(track.path, HEADER + bibs.map(line).join(''));
    if (!isRunning) await track.start();
    await track.expect([1, 2, ...bibs]);
  });

  it.each([true, false])('loses nothing that was copied before it (running: %s)', async (isRunning) => {
    const track = course();
    track.write(HEADER + [1, 2, 3].map(line).join(''));
    await track.start();
    await track.until(3);
    if (!isRunning) await track.kill();
    else track.taker.before = () => sleep(30);
    track.write([4, 5, 6].map(line).join(''));
    copyFileSync(track.path, `${track.path}.1`);
    truncateSync(track.path);
    track.write(HEADER + line(7));
    if (!isRunning) await track.start();
    await track.expect([1, 2, 3, 4, 5, 6, 7]);
  });

  it('of a half line alone goes on behind the lines before it', async () => {
    const track = course();
    const whole = HEADER + [1, 2, 3].map(line).join('');
    track.write(`${whole}2024-04`);
    await track.start();
    await track.until(3);
    await sleep(20);
    truncateSync(track.path, whole.length);
    await sleep(20);
    track.write(line(4));
    await track.expect([1, 2, 3, 4]);
  });

  it('does not take other files with the same header for copies', async () => {
    const track = course();
    writeFileSync(`${track.path}.1`, HEADER + line('old'));
    await sleep(30);
    track.write(HEADER);
    await track.start();
    await sleep(30);
    await track.kill();
    truncateSync(track.path);
    track.write(HEADER.toUpperCase().toLowerCase() + line(1));
    await track.start();
    await track.expect([1]);
  });
});

describe('a file that is saved anew', () => {
  it.each([true, false])('is not read twice (running: %s)', async (isRunning) => {
    const track = course();
    const save = (bibs: readonly number[]) => {
      writeFileSync(join(track.folder, 'draft'), HEADER + bibs.map(line).join(''));
      renameSync(join(track.folder, 'draft'), track.path);
    };
    save([1, 2, 3]);
    await track.start();
    await track.until(3);
    for (let last = 4; last <= 8; last++) {
      if (!isRunning) await track.kill();
      const bibs = Array.from({ length: last }, (_, index) => index + 1);
      save(bibs);
      save(bibs);
      if (!isRunning) await track.start();
      await track.expect(bibs);
    }
  });
});

describe('what is not there', () => {
  it('ends with what reading fails with', async () => {
    const track = course();
    const stop = new AbortController();
    const { intake, rejected } = await track.taker.intake(stop.signal);
    const setup = {
      path: track.path,
      format: await recordFormat({}),
      intake,
      note: () => {},
      warn: () => {},
      stop: stop.signal,
    };
    expect(() => new Tail({ ...setup, position: '{"of":"a later version"}' })).toThrow(
      'a position of this file that this version cannot read',
    );
    track.write(HEADER + line(1));
    track.taker.refuse = () => new Error('EIO');
    await expect(new Tail({ ...setup, position: undefined }).run()).rejects.toThrow('EIO');
    await rejected.close();
  });
});

describe('whatever happens', () => {
  it('each complete line is taken once, in its order, and each bad one is rejected once', {
    timeout: 60_000 + RUNS * 500,
  }, async () => {
    const act = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          what: fc.constant('write' as const),
          lines: fc.integer({ min: 0, max: 5 }),
          half: fc.boolean(),
        }),
      },
      { weight: 2, arbitrary: fc.constant({ what: 'bad' as const }) },
      { weight: 3, arbitrary: fc.constant({ what: 'rotate' as const }) },
      { weight: 1, arbitrary: fc.constant({ what: 'copytruncate' as const }) },
      { weight: 1, arbitrary: fc.constant({ what: 'truncate' as const }) },
      { weight: 1, arbitrary: fc.constant({ what: 'save anew' as const }) },
      { weight: 5, arbitrary: fc.constant({ what: 'restart' as const }) },
      { weight: 3, arbitrary: fc.record({ what: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 12 }) }) },
    );
    const acts = fc.array(act, { minLength: 4, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(acts, fc.boolean(), async (script, hasHeader) => {
        const track = new Course();
        const expected: string[] = [];
        const rejected: string[] = [];
        const columns = hasHeader ? undefined : ['timestamp', 'bib'];
        const head = hasHeader ? HEADER : '';
        let half = '';
        let next = 1;
        const catchUp = async () => {
          if (!track.isRunning) await track.start(columns);
          await track.until(expected.length, rejected.length);
          // What was rejected is written before the position is.
          const end = statSync(track.path).size - half.length;
          for (let waited = 0; end > 0 && track.offset !== end; waited++) {
            if (waited > 2_000) throw new Error(`read up to ${track.offset} of ${end}`);
            await sleep(1);
          }
        };
        try {
          track.write(head);
          await track.start(columns);
          // From here on it knows which file it begins with.
          while (track.notes.length === 0) await sleep(1);
          for (const step of script) {
            switch (step.what) {
              case 'write': {
                const bibs = Array.from({ length: step.lines }, () => `n${next++}`);
                const text = `${half === '' ? '' : '\n'}${bibs.map(line).join('')}`;
                if (half !== '') expected.push(half.split(',')[1]!);
                expected.push(...bibs);
                half = step.half ? line(`n${next++}`).slice(0, -1) : '';
                track.write(text + half);
                break;
              }
              case 'bad': {
                if (half !== '') break;
                const bad = `bad ${next++}`;
                rejected.push(bad);
                track.write(`${bad}\n`);
                break;
              }
              case 'rotate':
                track.rotate();
                half = '';
                track.write(head);
                break;
              case 'copytruncate': {
                // What was read of a file has to be more than all files begin with.
                await catchUp();
                if (readFileSync(track.path, 'utf8').split('\n').length < 4) break;
                if (next % 2 > 0) await track.kill();
                const unread = [`n${next++}`, `n${next++}`];
                if (half !== '') expected.push(half.split(',')[1]!);
                expected.push(...unread);
                track.write(`${half === '' ? '' : '\n'}${unread.map(line).join('')}`);
                track.countUp();
                copyFileSync(track.path, `${track.path}.1`);
                truncateSync(track.path);
                half = '';
                track.write(head);
                break;
              }
              case 'truncate':
                await catchUp();
                truncateSync(track.path);
                half = '';
                track.write(head);
                break;
              case 'save anew': {
                // A file with so little that it proves nothing is taken for a new one.
                await catchUp();
                if (readFileSync(track.path, 'utf8').split('\n').length < 4) break;
                copyFileSync(track.path, join(track.folder, 'draft'));
                renameSync(join(track.folder, 'draft'), track.path);
                break;
              }
              case 'restart':
                await track.kill();
                if (next % 3 > 0) await track.start(columns);
                break;
              case 'wait':
                await sleep(step.ms);
            }
          }
          await catchUp();
          await sleep(10);
          expect(track.taker.bibs, [...track.notes, ...track.warnings].join('\n')).toEqual(expected);
          expect(track.rejectedLines()).toEqual(rejected);
        } finally {
          await track.kill();
          rmSync(track.folder, { recursive: true });
        }
      }),
      { numRuns: RUNS },
    );
  });
});
