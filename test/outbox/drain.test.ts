import { expect, it } from 'vitest';
import { Drain } from '../../src/outbox/drain.js';

/** A journal with some pending passings, and a drain that somebody waits for. */
function waiting(newest: number) {
  let acknowledged = 0;
  const journal = { newest, pendingUpTo: (seq: number) => Math.max(0, seq - acknowledged) };
  const drain = new Drain(journal);
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
  await turn();
  expect(wait.over).toBe(false);
  acknowledge(4);
  drain.passed();
  await turn();
  expect(wait.over).toBe(true);
});
