import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { FollowBatch, FollowCursor, Passing } from 'rufus-client';
import { describe, expect, test } from 'vitest';
import { CursorFile, cursorBehind, cursorWithin } from '../../src/cli/passings/cursors.js';
import { Position } from '../../src/live/position.js';
import { temporaryFolder } from './support/rufus.js';

const token_session = 'A'.repeat(64);
const row = (num_passing: number): Passing => ({ num_passing, bib: '1', timestamp: '2026-05-03T09:00:00.000Z' });
const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 30 });
const ascending = (list: readonly number[]) => [...list].sort((a, b) => a - b);
const batch = (passings: readonly Passing[], cursor: FollowCursor, late: boolean): FollowBatch => ({
  passings,
  cursor,
  late,
  token_session,
  session_alias: null,
});

describe('a cursor within a batch', () => {
  test('is the one that the follower would have given, had the batch ended there', () => {
    fc.assert(
      fc.property(numbers, numbers, fc.nat(), (first, second, cut) => {
        const position = new Position(token_session);
        position.advance(first.map(row), 0);
        const before = position.cursor;
        const passings = position.advance(second.map(row), 0);
        if (passings.length === 0) return;
        const count = 1 + (cut % passings.length);
        const shorter = Position.at(before, 0);
        shorter.advance(passings.slice(0, count), 0);
        expect(cursorWithin(batch(passings, position.cursor, false), count)).toEqual(shorter.cursor);
      }),
    );
  });

  test('of late passings still has holes for those that are not dealt with', () => {
    fc.assert(
      fc.property(numbers, numbers, fc.nat(), (first, second, cut) => {
        const position = new Position(token_session);
        position.advance(first.map(row), 0);
        const passings = position.fill(second.map(row));
        if (passings.length === 0) return;
        const count = 1 + (cut % passings.length);
        const resumed = Position.at(cursorWithin(batch(passings, position.cursor, true), count), 0);
        const rest = resumed.fill(second.map(row)).map(({ num_passing }) => num_passing);
        expect(rest).toEqual(passings.slice(count).map(({ num_passing }) => num_passing));
        expect(resumed.cursor).toEqual(position.cursor);
      }),
    );
  });

  test('behind a list of numbers is the one that the follower would have there', () => {
    fc.assert(
      fc.property(numbers, (list) => {
        const position = new Position(token_session);
        position.advance(list.map(row), 0);
        expect(cursorBehind(token_session, list)).toEqual(position.cursor);
      }),
    );
    expect(cursorBehind(token_session, [])).toBeNull();
    expect(cursorBehind(token_session, ascending(Array.from({ length: 300_000 }, (_, n) => n + 1)))).toEqual({
      token_session,
      last: 300_000,
    });
  });
});

describe('a file of cursors', () => {
  const cursor = (last: number): FollowCursor => ({ token_session, last });

  test('keeps the last cursor of each device, for its owner alone', () => {
    const name = join(temporaryFolder(), 'cursors');
    const file = new CursorFile(name);
    expect([file.isOld, file.get('A')]).toEqual([false, undefined]);
    file.set('A', null);
    file.set('B', cursor(1));
    file.set('A', cursor(7));
    // Without `close`, as after a kill.
    const again = new CursorFile(name);
    expect([again.isOld, again.get('A'), again.get('B'), again.get('C')]).toEqual([
      true,
      cursor(7),
      cursor(1),
      undefined,
    ]);
    if (process.platform !== 'win32') expect(statSync(name).mode & 0o777).toBe(0o600);
    file.close();
    again.close();
  });

  test('takes no notice of a line that was cut off', () => {
    const name = join(temporaryFolder(), 'cursors');
    new CursorFile(name).set('A', cursor(7));
    appendFileSync(name, '{"deviceid":"A","cursor":{"token_session":"A');
    expect(new CursorFile(name).get('A')).toEqual(cursor(7));
  });

  test('does not grow for ever', () => {
    const name = join(temporaryFolder(), 'cursors');
    const file = new CursorFile(name);
    for (let last = 0; last < 20_000; last++) file.set('A', cursor(last));
    expect(statSync(name).size).toBeLessThan(1024 * 1024 + 200);
    expect(new CursorFile(name).get('A')).toEqual(cursor(19_999));
    expect(readFileSync(name, 'utf8').split('\n')).toHaveLength(2);
  });

  test.each(['[]\n', '{"deviceid":"A"}\n', 'bib,timestamp\n7,noon\n', '{"A":{"last":1}}\n'])(
    'refuses another file: %j',
    (content) => {
      const name = join(temporaryFolder(), 'cursors');
      writeFileSync(name, content);
      expect(() => new CursorFile(name)).toThrow(/no file of cursors, or is damaged/);
      expect(readFileSync(name, 'utf8')).toBe(content);
    },
  );
});
