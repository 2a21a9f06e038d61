// The outbox: folders and files of any name, passings and options of any kind, and a server that answers anything.
// What damage to its own files does is tested beside its disk.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type DispatcherLike, RufusClient } from '../../src/index.js';
import { type Outbox, openOutbox } from '../../src/outbox/index.js';
import { json, mutated, mutations, status, text } from './arbitraries.js';
import { always, TEST_MS } from './cases.js';
import { peer } from './fake.js';
import { expectNoSecret, expectTyped, KEY, TOKEN } from './outcome.js';

const anything = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
  text,
  json,
  fc.constantFrom<unknown>(undefined, null, 0, -1, 1.5, Number.NaN, Infinity, Symbol('s'), [], {}),
);
const mostly = (...right: unknown[]) =>
  fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...right) }, { weight: 1, arbitrary: anything });

/** Below a folder of the test's own, and without a secret: the system's own error, and so ours, quotes a path. */
const isName = (path: string) => !path.split('/').includes('..') && !/[0-9a-f]{20}/i.test(path);
const name = fc
  .oneof(
    text,
    fc.constantFrom('a/b/c', 'a\u0000b', 'n'.repeat(300), 'con', 'x.', ' ', '🏁', '\uD800', 'a\nb', '-rf', '%2e%2e'),
  )
  .filter(isName);

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rufus-hostile-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const receipt = { description: 'Passings inserted succesfully', token_session: TOKEN };

/** Takes whatever it is sent. */
const calm: DispatcherLike = {
  request(options) {
    const { token_session = TOKEN } = JSON.parse(String(options.body ?? '{}'));
    return peer({ status: 201, body: JSON.stringify({ ...receipt, token_session }) }).request(options);
  },
};
const clientOf = (dispatcher = calm) =>
  new RufusClient({ apiKey: KEY, baseUrl: 'https://api.example.test/v0', dispatcher, logLevel: 'off', retry: false });

const quick = (directory: string, dispatcher?: DispatcherLike) => ({
  client: clientOf(dispatcher),
  directory,
  session: { token_session: TOKEN, startAt: 1 },
  durability: 'os' as const,
  batch: { lingerMs: 0 },
  backoff: { firstMs: 1, maxMs: 1 },
  probeMs: 1,
});

/** Runs a step; what it throws is typed. */
async function typed<T>(step: () => Promise<T>): Promise<T | undefined> {
  try {
    return await step();
  } catch (error) {
    expectTyped(error);
    return undefined;
  }
}

describe('opening', () => {
  it('a folder of any name', { timeout: TEST_MS }, async () => {
    const root = await temporaryFolder();
    let count = 0;
    await always(
      0.01,
      fc.oneof(
        name,
        anything.filter((value) => typeof value !== 'string'),
      ),
      async (given) => {
        const parent = `${root}/${count++}`;
        const directory = typeof given === 'string' ? (given === '' ? '' : `${parent}/${given}`) : given;
        const outbox = await typed(() => openOutbox({ ...quick(''), directory: directory as never }));
        await outbox?.append({ timestamp: new Date(0), bib: '1' });
        await outbox?.close();
      },
    );
  });

  it('with options of any kind', { timeout: TEST_MS }, async () => {
    const options = fc.record(
      {
        session: mostly(
          { token_session: TOKEN, startAt: 1 },
          { token_session: TOKEN },
          { deviceid: 'D', open: 'new' },
          { token_session: '..' },
          { deviceid: 'D', open: 'old' },
        ),
        client: mostly(undefined),
        onSessionClosed: mostly('park', 'new-session'),
        maxDiskBytes: mostly(1e9, 1),
        minFreeBytes: mostly(0, 1e18),
        maxPendingBytes: mostly(1e6, 1),
        retain: mostly({ hours: 1, maxBytes: 1e6 }, { hours: 0 }, { maxBytes: -1 }),
        batch: mostly({ max: 1, maxBytes: 1, lingerMs: 0 }),
        backoff: mostly({ firstMs: 1, maxMs: 1 }),
        probeMs: mostly(1),
        durability: mostly('os'),
      },
      { requiredKeys: ['session', 'durability'] },
    );
    const root = await temporaryFolder();
    let count = 0;
    await always(
      0.01,
      fc.oneof({ weight: 6, arbitrary: options }, { weight: 1, arbitrary: anything }),
      async (some) => {
        const given = typeof some === 'object' && some !== null && 'session' in some ? some : undefined;
        const filled = given && { client: clientOf(), directory: `${root}/${count++}`, ...given };
        const outbox = await typed(() => openOutbox((filled ?? some) as never));
        if (outbox === undefined) return;
        await typed(() => outbox.append({ timestamp: new Date(0), bib: '1' }));
        await outbox.close();
        expectSum(outbox);
      },
    );
  });
});

/** Nothing is ever lost on the way. */
function expectSum(outbox: Outbox): void {
  const { appended, delivered, parked, pending } = outbox.stats();
  expect(appended).toBe(delivered + parked + pending);
}

describe('an open outbox', () => {
  type Step = (outbox: Outbox, given: never, root: string) => Promise<unknown>;
  const STEPS: readonly Step[] = [
    (outbox, given) => outbox.append(given),
    (outbox, given) => outbox.append([{ timestamp: new Date(0), bib: given }]),
    (outbox, given) => outbox.append([{ timestamp: given, bib: '' }]),
    (outbox, given) => outbox.append([], { source: { name: given, position: 1 } }),
    (outbox, given) => outbox.append([], { source: { name: 'reader', position: given } }),
    (outbox, given) => outbox.append([{ timestamp: new Date(0), bib: '' }], given),
    async (outbox, given) => outbox.position(given),
    (outbox, given) => outbox.rewind(given),
    (outbox, given) => outbox.rewind({ from: given, to: new Date() }),
    (outbox, given) => outbox.switchSession(given),
    (outbox, given) => outbox.switchSession({ token_session: given, startAt: 1 }),
    (outbox, given, root) => outbox.exportTo(typeof given === 'string' && given !== '' ? `${root}/${given}` : given),
    (outbox, given, root) => outbox.exportTo(`${root}/export`, given),
    (outbox, given, root) => outbox.exportTo(`${root}/export`, { format: given }),
    (outbox, given) => outbox.drained(given),
    (outbox, given) => outbox.drained({ signal: given }),
    (outbox, given) => outbox.requeue(given),
    (outbox, given) => outbox.close(given),
    (outbox, given) => outbox.close({ drainMs: typeof given === 'number' ? Math.min(given, 5) : given }),
  ];

  it('takes any argument, or says what is wrong', { timeout: TEST_MS }, async () => {
    const given = fc.oneof(anything, name).filter((value) => typeof value !== 'string' || isName(value));
    const steps = fc.array(fc.tuple(fc.constantFrom(...STEPS), given), { minLength: 1, maxLength: 8 });
    const root = await temporaryFolder();
    let count = 0;
    await always(0.02, steps, async (some) => {
      const outbox = await openOutbox(quick(`${root}/${count++}`));
      for (const [step, value] of some) await typed(() => step(outbox, value as never, root));
      await typed(() => outbox.close());
      expectSum(outbox);
    });
    // Nothing but outboxes and exports that somebody asked for: no draft is left.
    const left = await readdir(root);
    expect(left.filter((file) => file.endsWith('.part'))).toEqual([]);
  });

  it('delivers in the end, whatever it was answered before', { timeout: TEST_MS }, async () => {
    const good = { ...receipt, inserted_count: 1, duplicate_count: 0 };
    const deep = fc.constant({ status: 400, body: `{"description":${'['.repeat(32_000)}${']'.repeat(32_000)}}` });
    const answer = fc.oneof(
      {
        weight: 3,
        arbitrary: mutations.map((changes) => ({ status: 201, body: JSON.stringify(mutated(good, changes)) ?? '' })),
      },
      {
        weight: 3,
        arbitrary: fc.tuple(status, json).map(([code, body]) => ({ status: code, body: JSON.stringify(body) ?? '' })),
      },
      { weight: 1, arbitrary: deep },
    );
    const root = await temporaryFolder();
    let count = 0;
    await always(0.01, fc.array(answer, { maxLength: 6 }), async (answers) => {
      const odd = peer(...answers);
      const dispatcher: DispatcherLike = {
        request: (options) => (odd.asked.length < answers.length ? odd.request(options) : calm.request(options)),
      };
      const outbox = await openOutbox(quick(`${root}/${count++}`, dispatcher));
      outbox.on('state', (_, cause) => cause instanceof Error && expectTyped(cause));
      outbox.on('parked', ({ passing }) => expectNoSecret('a parked answer', passing.response ?? ''));
      await outbox.append([1, 2, 3].map((bib) => ({ timestamp: new Date(0), bib: String(bib) })));
      await outbox.drained();
      const { pending, appended, lastError } = outbox.stats();
      expect({ pending, appended }).toEqual({ pending: 0, appended: 3 });
      expectNoSecret('lastError', lastError ?? '');
      await outbox.close();
      expectSum(outbox);
    });
  });
});
