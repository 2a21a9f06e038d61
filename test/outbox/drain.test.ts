import { expect, it } from 'vitest';
import { RufusAbortError } from '../../src/index.js';
import { Timer } from '../../src/outbox/clock.js';
import { Drain } from '../../src/outbox/drain.js';
import { OutboxClosedError } from '../../src/outbox/errors.js';
import { HandClock } from './support/clock.js';

/** A journal with some pending passings, and a drain that somebody waits for. */
function waiting(newest: number) {
  let acknowledged = 0;
  const journal = { newest, pendingUpTo: (seq: number) => Math.max(0, seq - acknowledged) };
  const drain = new Drain(journal, new Timer(new HandClock()));
  const begin = () => {
    const wait = { over: false };
    void drain.wait(undefined).then(() => {
      wait.over = true;
    });
    return wait;
  };
  const acknowledge = (upTo: number) => {
    acknowledged = upTo;
  };
  return { journal, drain, begin, acknowledge };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

it('waits for all that was pending, also where some of it has left the log and nobody has been told yet', async () => {
  const { drain, begin, acknowledge } = waiting(4);
  acknowledge(2);
  const wait = begin();
  drain.passed();
  await turn();
  expect(wait.over).toBe(false);
  acknowledge(4);
  drain.passed();
  await turn();
  expect(wait.over).toBe(true);
});

it('does not wait for what was appended later', async () => {
  const { journal, drain, begin, acknowledge } = waiting(2);
  const wait = begin();
  journal.newest = 5;
  acknowledge(2);
  drain.passed();
  await turn();
  expect(wait.over).toBe(true);
});

it('waits for what went to the tail', async () => {
  const { journal, drain, begin, acknowledge } = waiting(2);
  const wait = begin();
  journal.newest = 4;
  acknowledge(2);
  drain.moved();
  drain.passed();
  await turn();
  expect(wait.over).toBe(false);
  acknowledge(4);
  drain.passed();
  await turn();
  expect(wait.over).toBe(true);
});

it('says whether anybody waits', async () => {
  const { drain, begin, acknowledge } = waiting(1);
  expect(drain.awaited).toBe(false);
  begin();
  expect(drain.awaited).toBe(true);
  acknowledge(1);
  drain.passed();
  expect(drain.awaited).toBe(false);
});

it('a wait ends with its signal, before it begins or later, and no other does', async () => {
  const { drain, begin } = waiting(1);
  const other = begin();
  const message = "drained: the wait was aborted by the caller's signal.";
  const early = drain.wait(AbortSignal.abort('enough'));
  await expect(early).rejects.toMatchObject({ message, cause: 'enough' });
  const controller = new AbortController();
  const late = drain.wait(controller.signal);
  controller.abort('later');
  await expect(late).rejects.toThrow(RufusAbortError);
  await expect(late).rejects.toMatchObject({ message, cause: 'later' });
  await turn();
  expect([other.over, drain.awaited]).toEqual([false, true]);
});

it('all of them end with the outbox', async () => {
  const { drain } = waiting(1);
  const waits = [drain.wait(undefined), drain.wait(new AbortController().signal)];
  drain.close();
  for (const wait of waits) {
    await expect(wait).rejects.toThrow(OutboxClosedError);
    await expect(wait).rejects.toThrow('The outbox was closed before all was delivered');
  }
  expect(drain.awaited).toBe(false);
});
