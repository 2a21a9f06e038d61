import { expect, it } from 'vitest';
import { Timer } from '../../src/outbox/clock.js';
import { OutboxClosedError } from '../../src/outbox/errors.js';
import { Resends } from '../../src/outbox/resends.js';
import { HandClock } from './support/clock.js';
import { MemoryFolder } from './support/memory-journal.js';

const entry = (seq: number) => ({
  seq,
  token_session: 'A'.repeat(64),
  num_passing: seq,
  passing: { timestamp: '2026-03-15T09:00:00.000Z', bib: String(seq) },
  at: 0,
  bytes: 1,
});
const noResends = async () =>
  new Resends({ journal: await new MemoryFolder().open(), timer: new Timer(new HandClock()) } as never);
const NONE = { inserted: 0, duplicates: 1, requests: 1, retries: 0 };

it('take turns with the log, the resend first, and wait for nobody where the log has nothing', async () => {
  const resends = await noResends();
  expect([resends.none, resends.next(true)]).toEqual([true, undefined]);
  const confirmed = resends.add([entry(1), entry(2)]);
  expect(resends.none).toBe(false);
  const turns = [true, true, true, true, false, false].map((logIsDue) => resends.next(logIsDue));
  const [resend] = turns;
  expect(resend).toBeDefined();
  expect(turns).toEqual([resend, undefined, resend, undefined, resend, resend]);
  resend!.batch.drop(1);
  resend!.delivered([entry(1)], NONE);
  expect(resends.none).toBe(false);
  resend!.batch.drop(1);
  resend!.delivered([entry(2)], NONE);
  expect([await confirmed, resends.none]).toEqual([2, true]);
});

it('end with what was confirmed where the session takes no more, and with the refusal of one of them', async () => {
  const resends = await noResends();
  const closed = resends.add([entry(1)]);
  resends.next(false)!.sessionClosed(entry(1).token_session, {} as never);
  expect(await closed).toBe(0);
  const refused = resends.add([entry(1)]);
  const cause = new Error('No');
  void resends.next(false)!.rejected([entry(1)], { status: 400, response: undefined, cause } as never, 'rejected');
  await expect(refused).rejects.toBe(cause);
});

it('are refused once closed, those that wait too', async () => {
  const resends = await noResends();
  const waiting = resends.add([entry(1)]);
  resends.close();
  await expect(waiting).rejects.toThrow(OutboxClosedError);
  await expect(resends.add([entry(2)])).rejects.toThrow(OutboxClosedError);
  expect(resends.none).toBe(true);
});
