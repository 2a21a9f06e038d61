import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sessionsBetween } from '../../src/live/follower.js';

const session = (token_session: string, day: number | null) => ({
  token_session,
  active: false,
  creation_date: day === null ? null : new Date(Date.UTC(2026, 3, day)).toISOString(),
});
const between = (...[list, current, later]: Parameters<typeof sessionsBetween>) =>
  sessionsBetween(list, current, later)?.map(({ token_session }) => token_session);

describe('the sessions between two', () => {
  it('come by date, whatever the order of the list', () => {
    const dated = ['A', 'B', 'C', 'D', 'E'].map((token, index) => session(token, index + 1));
    fc.assert(
      fc.property(fc.shuffledSubarray(dated, { minLength: 5 }), (list) => {
        expect(between(list, 'A', 'E')).toEqual(['B', 'C', 'D']);
        expect(between(list, 'B', 'C')).toEqual([]);
        expect(between(list, 'D', 'B')).toBeUndefined();
        expect(between(list, 'C', 'new')).toEqual(['D', 'E']);
      }),
    );
  });

  it('come in the order of the list where they have no date', () => {
    const undated = ['A', 'B', 'C', 'D'].map((token) => session(token, null));
    expect(between(undated, 'A', 'D')).toEqual(['B', 'C']);
    expect(between([...undated].reverse(), 'A', 'D')).toEqual(['B', 'C']);
  });

  it('keep one without a date between its neighbours', () => {
    const list = [session('A', 1), session('B', null), session('C', 3), session('D', null), session('E', 5)];
    expect(between(list, 'A', 'E')).toEqual(['B', 'C', 'D']);
    expect(between([...list].reverse(), 'A', 'E')).toEqual(['B', 'C', 'D']);
    expect(between(list, 'C', 'E')).toEqual(['D']);
  });

  it('keep the order of the list where they have the same date', () => {
    const list = ['A', 'B', 'C', 'D'].map((token) => session(token, 1));
    expect(between(list, 'A', 'D')).toEqual(['B', 'C']);
    expect(between([...list].reverse(), 'A', 'D')).toEqual(['B', 'C']);
  });

  it('end with the list where it does not know the later one yet', () => {
    const list = [session('A', 1), session('B', 2), session('C', 3)];
    expect(between(list, 'A', 'new')).toEqual(['B', 'C']);
    expect(between([...list].reverse(), 'A', 'new')).toEqual(['B', 'C']);
    const undated = ['A', 'B', 'C'].map((token) => session(token, null));
    expect(between(undated, 'A', 'new')).toEqual(['B', 'C']);
    expect(between(undated, 'C', 'new')).toEqual([]);
  });

  it('are none between a session and itself', () => {
    const list = [session('A', 1), session('B', 2), session('C', 3)];
    expect(between(list, 'B', 'B')).toEqual([]);
    expect(between([...list].reverse(), 'B', 'B')).toEqual([]);
  });

  it('are none where the later one is next', () => {
    const list = [session('A', 1), session('B', 2)];
    expect(between(list, 'A', 'B')).toEqual([]);
    expect(between(list, 'B', 'A')).toBeUndefined();
  });

  it('put those without a date before all others where the list begins with them, in a copy', () => {
    const list = [session('A', null), session('B', null), session('C', 3)];
    const before = [...list];
    expect(between(list, 'A', 'C')).toEqual(['B']);
    expect(list).toEqual(before);
    const newestFirst = [session('C', 3), session('B', null), session('A', null)];
    expect(between(newestFirst, 'A', 'C')).toEqual(['B']);
    expect(newestFirst.map(({ token_session }) => token_session)).toEqual(['C', 'B', 'A']);
  });

  it('take a date that is none for no date', () => {
    const list = [session('A', 1), { ...session('B', null), creation_date: 'yesterday' }, session('C', 3)];
    expect(between(list, 'A', 'C')).toEqual(['B']);
    const { creation_date: _, ...absent } = session('B', null);
    expect(between([session('A', 1), absent, session('C', 3)], 'A', 'C')).toEqual(['B']);
  });

  it('go with the one before them where the list is in no order', () => {
    const list = [session('C', 3), session('D', null), session('A', 1), session('B', null)];
    expect(between(list, 'A', 'new')).toEqual(['B', 'C', 'D']);
    const led = [session('X', null), session('Y', null), session('B', 2), session('A', 1)];
    expect(between(led, 'X', 'new')).toEqual(['Y', 'A', 'B']);
  });
});
