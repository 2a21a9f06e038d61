// Which state is shown when, above all where the outbox is closed or paused in the middle of a step.
import { expect, it } from 'vitest';
import { RufusClient, RufusTimeoutError } from '../../src/index.js';
import { openOutboxWith } from '../../src/outbox/open.js';
import { answerOf, KEY } from '../support/client.js';
import { TOKEN } from '../support/operations.js';
import { HandClock, rest } from './support/clock.js';
import { counts, logbook, runner, runners, Script, scripted, stored } from './support/rig.js';

const refusal = (status: number) => answerOf(status, { description: 'No' });

/** An outbox that parks its only passing, on a disk that fails when `fail` is called. */
async function parking() {
  const script = new Script().replies(refusal(400));
  const world = await scripted({ backoff: { firstMs: 1_000 } }, { script });
  let fail = () => {};
  world.folder.fault = (step) =>
    step === 'park'
      ? new Promise((_, reject) => {
          fail = () => reject(new Error('disk full'));
        })
      : undefined;
  await world.outbox.append(runner(1));
  await world.clock.pass(50);
  world.events.told.length = 0;
  return { ...world, fail: () => fail() };
}

it('a step that fails once it is closed is tried no more, and shows no pause', async () => {
  const { outbox, events, clock, fail } = await parking();
  const closed = outbox.close();
  fail();
  expect(await closed).toEqual({ pending: 1, parked: 0 });
  expect(events.told).toEqual([['state', 'closed', undefined]]);
  expect(outbox.stats().lastError).not.toBe('disk full');
  expect(clock.timers).toEqual([]);
});

it('a step that fails while it is paused is told of, and the state stays', async () => {
  const { outbox, events, fail } = await parking();
  outbox.pause();
  fail();
  await rest();
  expect(events.told.map(([name, what]) => (name === 'state' ? what : name))).toEqual(['paused', 'retry']);
  expect(outbox.stats()).toMatchObject({ state: 'paused', lastError: 'disk full' });
  await outbox.close();
  expect(outbox.stats().state).toBe('closed');
});

it('a logger may close it: no pause begins after that', async () => {
  const script = new Script().replies(refusal(401));
  let closed: Promise<unknown> | undefined;
  const { options } = logbook();
  const warn = () => {
    closed = outbox.close();
  };
  const { outbox, clock } = await scripted({}, { script, logger: { ...options.logger, warn }, logLevel: 'warn' });
  await outbox.append(runner(1));
  await clock.pass(50);
  expect(await closed).toEqual({ pending: 1, parked: 0 });
  expect(clock.timers).toEqual([]);
});

it('an append changes no state but idle', async () => {
  const script = new Script();
  script.always = () => refusal(503);
  const { outbox, clock, events } = await scripted({ backoff: { firstMs: 1_000 } }, { script });
  await outbox.append(runner(1));
  await clock.pass(50);
  events.told.length = 0;
  await outbox.append(runner(2));
  expect(outbox.stats().state).toBe('backoff');
  outbox.pause();
  await outbox.append(runner(3));
  expect(events.of('state')).toEqual(['paused']);
});

it('is sending from the start where something is pending, and idle where nothing is', async () => {
  const script = new Script();
  script.always = () => refusal(503);
  const { outbox, folder } = await scripted({}, { script });
  expect(outbox.stats().state).toBe('idle');
  await outbox.append(runner(1));
  await outbox.close();
  script.other = () => answerOf(200, { description: 'Success', result: [] });
  const client = new RufusClient({ apiKey: KEY, dispatcher: script, logLevel: 'off' });
  const session = { token_session: TOKEN };
  const options = { client, directory: 'memory', session };
  const reopened = await openOutboxWith(options, { clock: new HandClock(), openJournal: folder.open });
  expect(reopened.stats().state).toBe('sending');
  await reopened.close();
});

it('a pause is none any more once it is closed', async () => {
  const { outbox, events } = await scripted();
  await outbox.append(runner(1));
  events.told.length = 0;
  const closed = outbox.close();
  outbox.pause();
  outbox.resume();
  await closed;
  expect(events.of('state')).toEqual(['closed']);
});

it('a rewind ends a block with its first answer', async () => {
  const { outbox, events, script, clock } = await scripted({ probeMs: 1_000 });
  await outbox.append(runners(2));
  await outbox.drained();
  events.told.length = 0;
  script.replies(refusal(401));
  const rewound = outbox.rewind({ from: '2026-01-01T00:00:00Z', to: '2027-01-01T00:00:00Z' });
  await clock.pass(1_000);
  expect(await rewound).toMatchObject({ sent: 2 });
  await rest();
  expect(events.of('state')).toEqual(['sending', 'blocked', 'sending', 'idle']);
});

it('a rewind is sending, then idle', async () => {
  const { outbox, events } = await scripted();
  await outbox.append(runner(1));
  await outbox.drained();
  events.told.length = 0;
  expect(await outbox.rewind({ from: '2026-01-01T00:00:00Z', to: '2027-01-01T00:00:00Z' })).toMatchObject({ sent: 1 });
  await rest();
  expect(events.of('state')).toEqual(['sending', 'idle']);
});

it('numbers that are to be confirmed are sending while the server is asked, and blocked while it refuses the key', async () => {
  const { outbox, folder, clock, events, script } = await scripted({ probeMs: 1_000, backoff: { firstMs: 1_000 } });
  outbox.pause();
  await outbox.append(runner(1));
  folder.unconfirmed.set(TOKEN, 1);
  const answers = [503, 401, 401];
  script.other = () => {
    const status = answers.shift();
    return status === undefined ? answerOf(200, { description: 'Success', result: [] }) : refusal(status);
  };
  events.told.length = 0;
  outbox.resume();
  await clock.pass(10_000);
  expect(events.of('state')).toEqual(['sending', 'backoff', 'sending', 'blocked', 'idle']);
  expect(answers).toEqual([]);
});

it('a batch that waits for the checkpoint before it is not sent once the outbox is closed', async () => {
  const { outbox, script, folder } = await scripted({ batch: { max: 1, lingerMs: 0 } });
  const written = folder.holdAcknowledgements();
  await outbox.append(runners(2));
  await rest();
  const closed = outbox.close();
  written();
  expect(await closed).toEqual({ pending: 1, parked: 0 });
  expect(script.inserts.map(({ nums }) => nums)).toEqual([[1]]);
});

it('a batch that lingers is not woken by each append', async () => {
  const clock = new HandClock();
  const { outbox } = await scripted({}, { clock });
  await outbox.append(runner(1));
  await rest();
  let timers = 0;
  const after = clock.after.bind(clock);
  clock.after = (ms, run) => {
    timers++;
    return after(ms, run);
  };
  for (let n = 2; n < 20; n++) {
    await outbox.append(runner(n));
    await rest();
  }
  expect(timers).toBe(0);
});

it('is not idle while something lingers, nor while a rewind goes on', async () => {
  const { outbox, script, clock, events } = await scripted();
  script.always = async (insert) => {
    if (insert.nums.includes(1)) await outbox.append(runner(2));
    return stored(insert);
  };
  await outbox.append(runner(1));
  await clock.pass(50);
  expect(counts(outbox)).toMatchObject({ delivered: 1, pending: 1 });
  expect(events.of('state')).toEqual(['sending']);
  await clock.pass(50);
  expect(events.of('state')).toEqual(['sending', 'idle']);
  // The log and the rewind take turns.
  let rewound: Promise<unknown> | undefined;
  script.always = async (insert) => {
    rewound ??= outbox.rewind({ from: '2026-01-01T00:00:00Z', to: '2027-01-01T00:00:00Z' });
    await rest();
    return stored(insert);
  };
  events.told.length = 0;
  await outbox.append(runner(3));
  await clock.pass(50);
  expect(await rewound).toMatchObject({ sent: 2 });
  expect(events.of('state')).toEqual(['sending', 'idle']);
});

it('a link that is too slow for a batch gets smaller ones from then on', async () => {
  const script = new Script();
  const slow = new RufusTimeoutError('slow', { timeoutMs: 1, requestMaybeProcessed: true });
  const client = new RufusClient({
    apiKey: KEY,
    dispatcher: script,
    logLevel: 'off',
    middleware: [
      async (context, next) => {
        const answer = await next(context);
        if (script.inserts.at(-1)!.nums.length > 4) throw slow;
        return answer;
      },
    ],
  });
  const { outbox, clock } = await scripted({ client, batch: { max: 8 } }, { script });
  await outbox.append(runners(16));
  await clock.pass(10_000);
  expect(script.inserts.map(({ nums }) => nums.length)).toEqual([8, 4, 4, 4, 4]);
});
