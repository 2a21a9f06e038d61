import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RufusConfigError, RufusRequestValidationError } from '../../src/index.js';
import { OutboxClosedError } from '../../src/outbox/index.js';
import { answerOf, rejection } from '../support/client.js';
import { TOKEN } from '../support/operations.js';
import { rest } from './support/clock.js';
import {
  all,
  counts,
  opened,
  runner,
  runners,
  Script,
  START,
  sandboxed,
  scripted,
  stored,
  tempFolder,
} from './support/rig.js';

const at = (seconds: number) => new Date(Date.parse(START) + seconds * 1000);
const always = (from = -1e6, to = 1e6) => ({ from: at(from), to: at(to) });

/** Refuses these bibs. */
const refusing = (script: Script, ...bad: string[]) => {
  script.always = (insert) =>
    insert.bibs.some((bib) => bad.includes(bib)) ? answerOf(400, { description: 'Bad bib' }) : stored(insert);
};

describe('requeue', () => {
  it('sends what is parked again, with new numbers, once', async () => {
    const script = new Script();
    refusing(script, '2', '4');
    const { outbox, clock } = await scripted({}, { script });
    await outbox.append(runners(5));
    await outbox.drained();
    expect(counts(outbox)).toEqual({ appended: 5, delivered: 3, parked: 2, pending: 0 });
    script.always = stored;
    const receipts = await outbox.requeue();
    expect(receipts).toEqual([6, 7].map((num_passing) => ({ token_session: TOKEN, num_passing })));
    expect(counts(outbox)).toEqual({ appended: 5, delivered: 3, parked: 0, pending: 2 });
    await outbox.drained();
    expect(script.inserts.at(-1)).toMatchObject({ nums: [6, 7], bibs: ['2', '4'] });
    expect(counts(outbox)).toEqual({ appended: 5, delivered: 5, parked: 0, pending: 0 });
    expect(await outbox.requeue()).toEqual([]);
    await clock.pass(0);
  });

  it('takes a choice, shown as parked() shows it', async () => {
    const script = new Script();
    refusing(script, '1', '2');
    const { outbox } = await scripted({}, { script });
    await outbox.append(runners(3));
    await outbox.drained();
    const parked = await all(outbox.parked());
    const shown: unknown[] = [];
    await outbox.requeue((passing) => {
      shown.push(passing);
      return false;
    });
    expect(shown).toEqual(parked);
    expect(Object.keys(parked[0]!).sort()).toEqual([
      'num_passing',
      'passing',
      'reason',
      'response',
      'status',
      'token_session',
    ]);
    await outbox.requeue(({ passing }) => passing.bib === '2');
    await outbox.drained();
    expect((await all(outbox.parked())).map(({ passing }) => passing.bib)).toEqual(['1', '2']);
  });
});

describe('rewind', () => {
  it('sends a window again, with the same numbers, while others are appended, and changes no count', async () => {
    const { sandbox, client, deviceid } = await sandboxed();
    const session = { deviceid, open: 'new' } as const;
    const outbox = await opened({ client, directory: await tempFolder(), session, batch: { max: 4, lingerMs: 0 } });
    await outbox.append(runners(20));
    await outbox.drained();
    const before = sandbox.state.passings(outbox.token_session);
    const [rewound] = await Promise.all([
      outbox.rewind({ from: at(5), to: at(14).toISOString() }),
      outbox.append(runners(5, 21)),
    ]);
    expect(rewound).toEqual({ sent: 10, skipped: [] });
    await outbox.drained();
    expect(sandbox.state.passings(outbox.token_session).slice(0, 20)).toEqual(before);
    expect(outbox.stats()).toMatchObject({ appended: 25, delivered: 25, pending: 0, inserted: 25, duplicates: 10 });
  });

  it('gives back what the server lost', async () => {
    const { outbox, script } = await scripted();
    await outbox.append(runners(3));
    await outbox.drained();
    expect(await outbox.rewind(always())).toEqual({ sent: 3, skipped: [] });
    expect(script.inserts[1]).toEqual(script.inserts[0]);
    expect(outbox.stats()).toMatchObject({ state: 'idle', inserted: 6, delivered: 3 });
  });

  it('leaves out what is pending and what is parked; of nothing sends nothing', async () => {
    const script = new Script();
    refusing(script, '2');
    const { outbox } = await scripted({}, { script });
    await outbox.append(runners(3));
    await outbox.drained();
    outbox.pause();
    await outbox.append(runners(2, 4));
    const before = script.inserts.length;
    expect(await outbox.rewind({ from: at(4), to: at(9) })).toEqual({ sent: 0, skipped: [] });
    expect(await outbox.rewind({ from: at(2), to: at(2) })).toEqual({ sent: 0, skipped: [] });
    expect(script.inserts).toHaveLength(before);
    outbox.resume();
    expect(await outbox.rewind({ from: at(1), to: at(3) })).toEqual({ sent: 2, skipped: [] });
  });

  it('waits out failures, and starves nobody meanwhile', async () => {
    const script = new Script();
    const { outbox, clock } = await scripted({ backoff: { firstMs: 100, maxMs: 100 } }, { script });
    await outbox.append(runners(4));
    await outbox.drained();
    // Only what is sent again is refused.
    script.always = (insert) => (insert.nums[0] === 1 ? answerOf(500, {}) : stored(insert));
    const rewound = outbox.rewind(always());
    await outbox.append(runners(3, 5));
    await clock.pass(1_000);
    expect(counts(outbox)).toMatchObject({ delivered: 7, pending: 0 });
    script.always = stored;
    await clock.pass(1_000);
    expect(await rewound).toEqual({ sent: 4, skipped: [] });
  });

  it('rejects with the answer if the server refuses one of them now, and splits what is too large', async () => {
    const script = new Script();
    const { outbox, clock } = await scripted({}, { script });
    await outbox.append(runners(4));
    await outbox.drained();
    script.always = (insert) => (insert.nums.length > 2 ? answerOf(413, {}) : stored(insert));
    expect(await outbox.rewind(always())).toEqual({ sent: 4, skipped: [] });
    expect(script.inserts.map(({ nums }) => nums.length)).toEqual([4, 4, 2, 2]);
    refusing(script, '3');
    await expect(outbox.rewind(always())).rejects.toMatchObject({ status: 400 });
    expect(counts(outbox)).toEqual({ appended: 4, delivered: 4, parked: 0, pending: 0 });
    await outbox.append(runner(5));
    await clock.pass(50);
    expect(counts(outbox)).toMatchObject({ delivered: 5 });
  });

  it('skips what belongs to a closed session, sends the rest, and asks each session once', async () => {
    const { sandbox, client, deviceid } = await sandboxed();
    const directory = await tempFolder();
    const options = { client, directory, batch: { max: 4, lingerMs: 0 } };
    const outbox = await opened({ ...options, session: { deviceid, open: 'new' } });
    const closed = outbox.token_session;
    await outbox.append(runners(10));
    await outbox.drained();
    await outbox.close();
    const { token_session: open } = await client.sessions.create({ deviceid });
    const again = await opened({ ...options, session: { token_session: open, startAt: 1 } });
    await again.append(runners(6, 11));
    await again.drained();
    const { requests } = again.stats();
    expect(await again.rewind(always())).toEqual({ sent: 6, skipped: [{ token_session: closed, count: 10 }] });
    expect(sandbox.state.passings(closed)).toHaveLength(10);
    expect(again.stats()).toMatchObject({ state: 'idle', delivered: 16, parked: 0, pending: 0, duplicates: 6 });
    expect(again.stats().requests - requests).toBe(1 + 2);
  });

  it('counts what a session took before it was closed in the middle', async () => {
    const script = new Script();
    const { outbox } = await scripted({ batch: { max: 4 } }, { script });
    await outbox.append(runners(10));
    await outbox.drained();
    script.always = (insert) =>
      insert.nums.includes(7) ? answerOf(404, { description: 'Session not found or closed' }) : stored(insert);
    expect(await outbox.rewind(always())).toEqual({ sent: 4, skipped: [{ token_session: TOKEN, count: 6 }] });
    expect(script.inserts.slice(3).map(({ nums }) => nums[0])).toEqual([1, 5]);
  });

  it('counts what a session took of a batch that had to be cut before it was closed', async () => {
    const script = new Script();
    const { outbox } = await scripted({ batch: { max: 4 } }, { script });
    await outbox.append(runners(10));
    await outbox.drained();
    script.always = (insert) => {
      if (insert.nums.length > 2) return answerOf(413, {});
      return insert.nums.includes(3) ? answerOf(404, { description: 'Session not found or closed' }) : stored(insert);
    };
    expect(await outbox.rewind(always())).toEqual({ sent: 2, skipped: [{ token_session: TOKEN, count: 8 }] });
  });

  it('puts passings of two sessions into no common request', async () => {
    const { sandbox, client, deviceid } = await sandboxed();
    const session = { deviceid, open: 'new' } as const;
    const outbox = await opened({ client, directory: await tempFolder(), session, batch: { max: 4, lingerMs: 0 } });
    const first = outbox.token_session;
    await outbox.append(runners(2));
    await outbox.switchSession(session);
    await outbox.append(runners(3, 3));
    await outbox.drained();
    const before = sandbox.state.passings(first);
    expect(await outbox.rewind(always())).toEqual({ sent: 3, skipped: [{ token_session: first, count: 2 }] });
    expect(sandbox.state.passings(first)).toEqual(before);
    expect(outbox.stats()).toMatchObject({ delivered: 5, duplicates: 3 });
  });

  it('ends with the outbox', async () => {
    const script = new Script();
    const { outbox } = await scripted({}, { script });
    await outbox.append(runners(4));
    await outbox.drained();
    script.always = () => new Promise(() => {});
    const rewound = rejection(OutboxClosedError, outbox.rewind(always()));
    await rest();
    await outbox.close();
    await rewound;
  });

  it.each([
    [{ from: 'yesterday', to: at(1) }, 'from'],
    [{ from: at(1), to: '2026-03-15T09:00:00' }, 'to'],
    [{ from: at(2), to: at(1) }, 'from'],
    [undefined as never, 'from'],
  ])('%j is refused', async (window, field) => {
    const { outbox } = await scripted();
    const { issues } = await rejection(RufusRequestValidationError, outbox.rewind(window));
    expect(issues[0]!.path).toEqual([field]);
  });

  it('refuses a misspelt end of the window by its name', async () => {
    const { outbox } = await scripted();
    const window = { ...always(), until: at(1) } as never;
    expect((await rejection(RufusConfigError, outbox.rewind(window))).message).toContain('until');
  });
});

describe('exportTo', () => {
  const given = [
    runner(1, {
      chip: 'E2801',
      latitude: 41.5,
      longitude: 2.25,
      status: 'ok',
      timezone: 'Europe/Madrid',
      gender: null,
    }),
    runner(2, { bib: 'W,"2"', status: 'two\nlines', participant_id: '77' }),
  ];

  async function filled() {
    const { client, deviceid } = await sandboxed();
    const directory = await tempFolder();
    const outbox = await opened({ client, directory, session: { deviceid, open: 'new' } });
    await outbox.append(given);
    await outbox.drained();
    outbox.pause();
    await outbox.append(runner(3));
    return { outbox, file: join(await tempFolder(), 'backup') };
  }

  it("csv: the vendor's columns first", async () => {
    const { outbox, file } = await filled();
    const t = outbox.token_session;
    expect(await outbox.exportTo(file, { format: 'csv' })).toBe(3);
    const lines = await readFile(file, 'utf8');
    // RFC 4180 ends its lines with CRLF; a line break within a cell stays what it was.
    expect(lines.replaceAll('\r\n', '⏎\n')).toBe(
      `__typename,timestamp,num_passing,latitude,longitude,status,bib,chip,participant_id,timezone,gender,token_session,state⏎
Passing,2026-03-15T09:00:01.000Z,1,41.5,2.25,ok,1,E2801,,Europe/Madrid,,${t},delivered⏎
Passing,2026-03-15T09:00:02.000Z,2,,,"two
lines","W,""2""",,77,,,${t},delivered⏎
Passing,2026-03-15T09:00:03.000Z,3,,,,3,,,,,${t},pending⏎
`,
    );
  });

  it('jsonl: a passing a line', async () => {
    const { outbox, file } = await filled();
    expect(await outbox.exportTo(file)).toBe(3);
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const token_session = outbox.token_session;
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      [...given, runner(3)].map((passing, index) => ({
        token_session,
        num_passing: index + 1,
        ...passing,
        state: index < 2 ? 'delivered' : 'pending',
      })),
    );
  });

  it('replaces a file only once the new one is whole', async () => {
    const { outbox, file } = await filled();
    await outbox.exportTo(file);
    await outbox.exportTo(file);
    expect(await readdir(join(file, '..'))).toEqual(['backup']);
    await expect(outbox.exportTo(join(file, 'no', 'such', 'folder'))).rejects.toMatchObject({
      code: 'storage',
      cause: { code: 'ENOTDIR' },
    });
    await expect(outbox.exportTo(file, { format: 'xml' as never })).rejects.toMatchObject({ code: 'config' });
  });

  it('leaves nothing behind when it fails', async () => {
    const { outbox, folder } = await scripted();
    const file = join(await tempFolder(), 'backup');
    await outbox.append(runners(3));
    folder.log = new Proxy(folder.log, {
      get(log, name) {
        if (name === 'filter') throw new Error('EIO');
        return Reflect.get(log, name);
      },
    });
    await expect(outbox.exportTo(file)).rejects.toThrow('EIO');
    expect(await readdir(join(file, '..'))).toEqual([]);
  });
});
