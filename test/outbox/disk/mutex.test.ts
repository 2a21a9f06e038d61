import { expect, it } from 'vitest';
import { Mutex } from '../../../src/outbox/disk/mutex.js';

it('runs one at a time, in order, and goes on after a failure', async () => {
  const mutex = new Mutex();
  const steps: string[] = [];
  const work = (name: string, error?: Error) => async () => {
    steps.push(`${name} begins`);
    await new Promise(setImmediate);
    steps.push(`${name} ends`);
    if (error !== undefined) throw error;
    return name;
  };
  const first = mutex.run(work('first'));
  const second = mutex.run(work('second', new Error('no')));
  const third = mutex.run(work('third'));
  await mutex.idle();
  expect(steps).toEqual(['first', 'second', 'third'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  expect(await first).toBe('first');
  await expect(second).rejects.toThrow('no');
  expect(await third).toBe('third');
});
