import { describe, expect, it } from 'vitest';
import { apiError, RufusConnectionError } from '../../src/core/errors.js';
import type { RequestOptions, RufusClient } from '../../src/index.js';
import { bootId } from '../../src/outbox/disk/lock.js';
import { Emitter } from '../../src/outbox/emitter.js';
import { NumberingUnknownError } from '../../src/outbox/errors.js';
import type { Entry, Journal } from '../../src/outbox/journal.js';
import { confirmNumbers, type Skip, selectSession } from '../../src/outbox/numbering.js';
import { createSession } from '../../src/outbox/replacements.js';
import { rejection } from '../support/client.js';
import { DEVICE, TOKEN } from '../support/operations.js';
import { MemoryFolder } from './support/memory-journal.js';
import { runners } from './support/rig.js';

// Each decision over a number by itself; numbers.test.ts has the same over real sockets and folders.

const OTHER = 'B'.repeat(64);
const DEVICE_2 = 'E'.repeat(64);
const status = (code: number, description?: string): Error =>
  apiError(`answered ${code}`, {
    status: code,
    body: { description: description ?? 'No' },
    requestId: undefined,
    description,
    headers: new Headers(),
  });
const offline = (): Error => new RufusConnectionError('nobody there', { requestMaybeProcessed: false });
const NO_PASSINGS = 'Passings not found';

/** The server, as far as numbers go. Throws what `failing` has for a call, counts, and keeps what it was asked with. */
class Server {
  /** The numbers of a session. */
  readonly taken = new Map<string, number[]>();
  /** What `sessions.get` says of the count; absent: nothing. */
  passings: number | undefined;
  active: string | null = null;
  failing: (call: string, nth: number) => unknown = () => undefined;
  /** How many a page has at most; it may be any part of the range. */
  page = 1_000;
  /** Whether an empty range is a 404, as the API has it, or a list of nothing. */
  emptyIs404 = true;
  readonly calls: {
    readonly call: string;
    readonly token: string;
    readonly options: RequestOptions | undefined;
    readonly input?: object;
  }[] = [];

  readonly client = {
    passings: {
      listBySession: async (token: string, range: { first?: number }, options?: RequestOptions) => {
        const { first = 0 } = range;
        this.#note('list', token, options, range);
        const items = (this.taken.get(token) ?? []).filter((num) => num >= first).slice(-this.page);
        if (items.length === 0 && this.emptyIs404) throw status(404, NO_PASSINGS);
        return { items: items.map((num_passing) => ({ num_passing })) };
      },
    },
    sessions: {
      get: async (token: string, options?: RequestOptions) => {
        this.#note('get', token, options);
        return { passings: this.passings };
      },
      getActive: async (deviceid: string, options?: RequestOptions) => {
        this.#note('active', deviceid, options);
        return this.active === null ? null : { token_session: this.active };
      },
      create: async (input: object, options?: RequestOptions) => {
        this.#note('create', DEVICE, options, input);
        return { token_session: OTHER };
      },
    },
  } as unknown as RufusClient;

  #note(call: string, token: string, options: RequestOptions | undefined, input?: object) {
    this.calls.push({ call, token, options, ...(input && { input }) });
    const error = this.failing(call, this.calls.filter((other) => other.call === call).length);
    if (error !== undefined) throw error;
  }
}

async function world(prepare: (journal: Journal, folder: MemoryFolder) => void | Promise<void> = () => {}) {
  const server = new Server();
  const folder = new MemoryFolder();
  await prepare(await folder.open(), folder);
  const journal = await folder.open();
  const skips: Skip[] = [];
  const emitter = new Emitter();
  emitter.on('numbersSkipped', (skip) => skips.push(skip));
  emitter.release();
  const created: object[] = [];
  const select = (wanted: Parameters<typeof selectSession>[0]['wanted'], more: object = {}): Promise<void> =>
    selectSession({
      client: server.client,
      journal,
      wanted,
      resume: true,
      emitter,
      create: async (device) => void created.push(device),
      ...more,
    });
  return { server, folder, journal, skips, created, select };
}
/** A folder that has given 1 to 3 in the session of the device. */
const three = async (journal: Journal): Promise<void> => {
  await journal.startSession(TOKEN, 1, DEVICE);
  await journal.append(runners(3) as never);
};

describe('a session that the folder does not know', () => {
  it.each([
    [undefined, [], 1],
    [0, [], 1],
    [7, [], 7],
    [2, [1, 2, 3], 4],
    [5, [1, 2, 9], 10],
    [undefined, [0, 1], 2],
  ])('with a count of %s and the numbers %j goes on at %i', async (passings, taken, next) => {
    const { server, journal, select } = await world();
    server.passings = passings;
    server.taken.set(TOKEN, taken);
    await select({ token_session: TOKEN });
    expect([journal.session, journal.nextNumber(TOKEN), journal.unconfirmedFrom(TOKEN)]).toEqual([
      TOKEN,
      next,
      undefined,
    ]);
  });

  it('begins its search at the count, not below', async () => {
    const { server, journal, select } = await world();
    server.passings = 9;
    server.taken.set(TOKEN, [1, 2, 3]);
    await select({ token_session: TOKEN });
    expect(journal.nextNumber(TOKEN)).toBe(9);
  });

  it('is searched page by page to its end, whatever part of the range a page is', async () => {
    const { server, journal, select } = await world();
    server.page = 2;
    server.taken.set(TOKEN, [1, 5, 2, 6, 3]);
    await select({ token_session: TOKEN });
    expect(journal.nextNumber(TOKEN)).toBe(7);
  });

  it('without passings goes on at 1, also where the answer is an empty list', async () => {
    const { server, journal, select } = await world();
    server.emptyIs404 = false;
    server.passings = 1;
    await select({ token_session: TOKEN });
    expect(journal.nextNumber(TOKEN)).toBe(1);
  });

  it('is asked for from the number on that may be taken, and with the signal', async () => {
    const { server, select } = await world();
    const { signal } = new AbortController();
    server.passings = 2;
    server.taken.set(TOKEN, [2, 3]);
    await select({ token_session: TOKEN }, { signal });
    expect(server.calls).toEqual([
      { call: 'get', token: TOKEN, options: { signal } },
      { call: 'list', token: TOKEN, options: { signal }, input: { first: 2 } },
      { call: 'list', token: TOKEN, options: { signal }, input: { first: 4 } },
    ]);
  });

  it('takes startAt without asking, 0 too', async () => {
    const { server, journal, select } = await world();
    await select({ token_session: TOKEN, startAt: 0 });
    expect([journal.nextNumber(TOKEN), server.calls]).toEqual([0, []]);
  });

  it.each([
    [status(401), 'The API key is refused: check it. Nothing was sent; see `cause`.'],
    [status(403), 'Use a key that exists and may read, or pass `startAt`. Nothing was sent; see `cause`.'],
    [status(404, 'Session not found'), 'Check the token and the base URL. Nothing was sent; see `cause`.'],
    [offline(), 'Open it again once the API answers, or pass `startAt`. Nothing was sent; see `cause`.'],
  ])('by token: %s says what helps', async (cause, advice) => {
    const { server, journal, select } = await world();
    server.failing = () => cause;
    const error = await rejection(NumberingUnknownError, select({ token_session: TOKEN }));
    expect(error).toMatchObject({ name: 'NumberingUnknownError', cause });
    expect(error.message).toBe(
      `The next number of session ${TOKEN.slice(0, 8)}… is not known to this folder and cannot be read. ${advice}`,
    );
    expect(journal.session).toBe(null);
  });

  it.each([
    [status(401), 'The API key is refused: check it. Nothing was sent; see `cause`.'],
    [status(403), "Use a key that exists and may read, or use `open: 'new'`. Nothing was sent; see `cause`."],
    [status(404, 'Device not found'), 'Check the deviceid. Nothing was sent; see `cause`.'],
    [offline(), 'Open it again once the API answers. Nothing was sent; see `cause`.'],
  ])('by device: %s says what helps', async (cause, advice) => {
    const { server, select } = await world();
    const wanted = { deviceid: DEVICE, open: 'active-or-new' } as const;
    server.failing = () => cause;
    const whole = await rejection(NumberingUnknownError, select(wanted));
    expect(whole).toMatchObject({ name: 'NumberingUnknownError', cause });
    expect(whole.message).toBe(`The active session of device ${DEVICE.slice(0, 8)}… cannot be asked for. ${advice}`);
    server.active = TOKEN;
    server.failing = (call) => (call === 'get' ? cause : undefined);
    const numbers = await rejection(NumberingUnknownError, select(wanted));
    expect(numbers.message).toBe(
      `The next number of session ${TOKEN.slice(0, 8)}… is not known to this folder and cannot be read. ${advice}`,
    );
  });

  it('is not taken for empty by a 404 that is not the API’s own', async () => {
    for (const description of ['Not Found', 'no passings not found', undefined]) {
      const { server, select } = await world();
      server.failing = (call) => (call === 'list' ? status(404, description) : undefined);
      await expect(select({ token_session: TOKEN })).rejects.toThrow('is not known to this folder');
    }
  });
});

describe('a device', () => {
  const wanted = { deviceid: DEVICE, open: 'active-or-new' } as const;

  it('goes on with the folder’s session, and is not asked for its active one', async () => {
    const { server, journal, created, select } = await world(three);
    await select(wanted);
    expect([journal.session, journal.deviceid, journal.nextNumber(TOKEN)]).toEqual([TOKEN, DEVICE, 4]);
    expect([server.calls.map(({ call }) => call), created]).toEqual([['list'], []]);
  });

  it('that is another one, or in a folder without a session, is asked for', async () => {
    const other = await world(three);
    await other.select({ ...wanted, deviceid: DEVICE_2 });
    expect(other.created).toEqual([{ deviceid: DEVICE_2, open: 'active-or-new' }]);
    const none = await world();
    await none.select(wanted);
    expect(none.created).toEqual([wanted]);
    expect(none.server.calls.map(({ call }) => call)).toEqual(['active']);
  });

  it('is asked for with the signal, and a signal ends the search', async () => {
    const { server, select } = await world(three);
    const { signal } = new AbortController();
    server.active = OTHER;
    await select(wanted, { resume: false, signal });
    expect(server.calls.map(({ call }) => call)).toEqual(['active', 'get', 'list']);
    for (const { options } of server.calls) expect(options?.signal).toBe(signal);
  });

  it('switched to its active session, which the folder knows, keeps the device with it', async () => {
    const { server, journal, select } = await world(async (journal) => {
      await three(journal);
      await journal.startSession(OTHER, 20);
    });
    server.active = TOKEN;
    await select(wanted, { resume: false });
    expect([journal.session, journal.deviceid, journal.nextNumber(TOKEN)]).toEqual([TOKEN, DEVICE, 4]);
    expect(server.calls.map(({ call }) => call)).toEqual(['active', 'list']);
  });

  it('switched to an active session that the folder does not know, is noted down with it', async () => {
    const { server, journal, select } = await world(three);
    server.active = OTHER;
    server.taken.set(OTHER, [4, 5]);
    await select(wanted, { resume: false });
    expect([journal.session, journal.deviceid, journal.nextNumber(OTHER)]).toEqual([OTHER, DEVICE, 6]);
  });

  it("with open: 'new' gets a new one, and nobody is asked", async () => {
    const { server, created, select } = await world(three);
    server.active = TOKEN;
    await select({ ...wanted, open: 'new', alias: 'Heat 2' });
    expect([created, server.calls]).toEqual([[{ deviceid: DEVICE, open: 'new', alias: 'Heat 2' }], []]);
  });

  it('that damage has taken from the folder is still the folder’s; one that is there is not', async () => {
    const lost = await world(async (journal, folder) => {
      await journal.startSession(TOKEN, 4);
      folder.suspect = true;
    });
    await lost.select(wanted);
    expect([lost.journal.session, lost.journal.deviceid, lost.created]).toEqual([TOKEN, DEVICE, []]);
    expect(lost.journal.suspect).toBe(false);
    const whole = await world((journal) => journal.startSession(TOKEN, 4));
    await whole.select(wanted);
    expect(whole.created).toEqual([wanted]);
    const another = await world(async (journal, folder) => {
      await journal.startSession(TOKEN, 4, DEVICE_2);
      folder.suspect = true;
    });
    await another.select(wanted);
    expect(another.created).toEqual([wanted]);
    const empty = await world((_, folder) => {
      folder.suspect = true;
    });
    await empty.select(wanted);
    expect(empty.created).toEqual([wanted]);
  });
});

describe('a session that the folder knows', () => {
  const wanted = { token_session: TOKEN };

  it('is compared with the server, once and shortly', async () => {
    const { server, select } = await world(three);
    await select(wanted);
    const [{ options }] = server.calls as [(typeof server.calls)[0]];
    expect(options).toMatchObject({ totalTimeoutMs: 2_600, retry: false });
    expect(options?.signal).toBeInstanceOf(AbortSignal);
    const shorter = await world(three);
    await shorter.select(wanted, { withinMs: 1_000 });
    expect(shorter.server.calls[0]?.options?.totalTimeoutMs).toBe(600);
  });

  it('is retried in a damaged folder, where more depends on the answer', async () => {
    const { server, journal, select } = await world(async (journal, folder) => {
      await three(journal);
      folder.suspect = true;
    });
    await select(wanted);
    expect(server.calls[0]?.options).not.toHaveProperty('retry');
    expect(journal.suspect).toBe(false);
  });

  it('is written down again only where something is new', async () => {
    const { folder, journal, select } = await world(three);
    const started: unknown[][] = [];
    const { startSession } = journal;
    journal.startSession = (...given) => {
      started.push(given);
      return startSession.apply(journal, given);
    };
    await select(wanted);
    await select({ ...wanted, startAt: 4 });
    expect(started).toEqual([]);
    expect(folder.suspect).toBe(false);
    await select({ ...wanted, startAt: 5 });
    await select({ deviceid: DEVICE, open: 'active-or-new' });
    expect(started).toEqual([[TOKEN, 5, DEVICE]]);
    await journal.startSession(OTHER, 1, DEVICE_2);
    started.length = 0;
    // Not the current one any more: its device is not that of the current one.
    await select(wanted);
    expect(started).toEqual([[TOKEN, 5, undefined]]);
  });

  it('that is not the current one becomes it, where nothing else is new', async () => {
    const { journal, select } = await world(async (journal) => {
      await journal.startSession(TOKEN, 4);
      await journal.startSession(OTHER, 1);
    });
    await select(wanted);
    expect([journal.session, journal.nextNumber(TOKEN)]).toEqual([TOKEN, 4]);
  });

  it('that was replaced means its replacement, whose numbers startAt is not about', async () => {
    const { journal, select } = await world(async (journal) => {
      await three(journal);
      await journal.replaceSession({ from: TOKEN, to: OTHER, first: null, base: 1 });
    });
    await select({ ...wanted, startAt: 900 });
    expect([journal.session, journal.nextNumber(OTHER)]).toEqual([OTHER, 1]);
  });

  it('is not adopted where it is not suspect', async () => {
    const { journal, select } = await world(three);
    let adopted = 0;
    journal.clearSuspect = async () => void adopted++;
    await select(wanted);
    expect(adopted).toBe(0);
  });

  it('goes on above what the server has, and says why; that is certain', async () => {
    const { server, journal, skips, select } = await world(three);
    server.taken.set(TOKEN, [1, 2, 3, 4, 8]);
    await select(wanted);
    expect([journal.nextNumber(TOKEN), journal.unconfirmedFrom(TOKEN)]).toEqual([9, undefined]);
    expect(skips).toMatchObject([{ token_session: TOKEN, from: 4, to: 9 }]);
    expect((skips[0]!.why as Error).message).toBe(
      `The server has passing 8 of session ${TOKEN.slice(0, 8)}…, which this folder has not given: it is an old copy, is damaged, or somebody else writes to the session.`,
    );
  });

  it('behind the server, which then falls silent, goes on far above and is not certain', async () => {
    const { server, journal, skips, select } = await world(three);
    server.taken.set(TOKEN, [4]);
    server.failing = (_, nth) => (nth === 1 ? undefined : offline());
    await select(wanted);
    expect([journal.nextNumber(TOKEN), journal.unconfirmedFrom(TOKEN)]).toEqual([1_000_005, 1_000_005]);
    expect(skips).toMatchObject([{ from: 4, to: 1_000_005, why: { message: 'nobody there' } }]);
  });

  it('in a damaged folder that nobody can compare goes on far above; what was not confirmed before stays where it was', async () => {
    const damaged = async (journal: Journal, folder: MemoryFolder) => {
      await three(journal);
      folder.suspect = true;
    };
    const { server, journal, select } = await world(damaged);
    server.failing = offline;
    await select(wanted);
    expect([journal.nextNumber(TOKEN), journal.unconfirmedFrom(TOKEN)]).toEqual([1_000_004, 1_000_004]);
    const again = await world(async (journal, folder) => {
      await damaged(journal, folder);
      await journal.setUnconfirmed(TOKEN, 2);
    });
    again.server.failing = offline;
    await again.select(wanted);
    expect(again.journal.unconfirmedFrom(TOKEN)).toBe(2);
  });

  it.each([
    ['without a commit', null, undefined],
    ['since the same boot', 'this', undefined],
    ['since another boot: a power cut may have taken the last ones', 'another', 4],
  ])('that nobody answers for, %s', async (_, boot, unconfirmed) => {
    const { server, journal, skips, select } = await world(async (journal, folder) => {
      await three(journal);
      if (boot !== null) folder.lastCommit = { wall: 0, mono: 0, boot: boot === 'this' ? await bootId() : boot };
    });
    server.failing = offline;
    await select(wanted);
    expect([journal.nextNumber(TOKEN), journal.unconfirmedFrom(TOKEN), skips]).toEqual([4, unconfirmed, []]);
  });

  it.each([
    ['a key that may not read', status(403), undefined],
    ['no such session', status(404, 'Session not found'), undefined],
    ['another 404', status(404, 'the Session not found'), 4],
    ['another error in those words', status(500, 'Session not found'), 4],
  ])('since another boot, with %s', async (_, error, unconfirmed) => {
    const { server, journal, select } = await world(async (journal, folder) => {
      await three(journal);
      folder.lastCommit = { wall: 0, mono: 0, boot: 'another' };
    });
    server.failing = () => error;
    await select(wanted);
    expect(journal.unconfirmedFrom(TOKEN)).toBe(unconfirmed);
  });

  it('asked for by a caller who aborts is left as it is', async () => {
    const { server, journal, select } = await world(async (journal) => {
      await three(journal);
      await journal.startSession(OTHER);
    });
    const controller = new AbortController();
    server.failing = () => {
      controller.abort();
      return offline();
    };
    await expect(select(wanted, { signal: controller.signal })).rejects.toThrow('nobody there');
    expect(server.calls[0]?.options?.signal?.aborted).toBe(true);
    expect(journal.session).toBe(OTHER);
  });
});

describe('numbers that the server was not asked for', () => {
  async function unconfirmed(from = 3) {
    const { server, folder, journal } = await world(async (journal) => {
      await three(journal);
      await journal.setUnconfirmed(TOKEN, from);
    });
    const entries: Entry[] = await journal.read({ max: 9, maxBytes: 1e9 });
    const { signal } = new AbortController();
    const confirm = (first = entries[2]!) => confirmNumbers({ client: server.client, journal }, first, signal);
    return { server, folder, journal, confirm, entries, signal };
  }

  it('are sent where it has none of them', async () => {
    const { server, journal, confirm, signal } = await unconfirmed();
    expect(await confirm()).toEqual({ do: 'send' });
    expect(journal.unconfirmedFrom(TOKEN)).toBe(undefined);
    expect(server.calls.map(({ options }) => options)).toEqual([{ signal, retry: false }]);
  });

  it('are others where it has one of them', async () => {
    const { server, journal, confirm } = await unconfirmed();
    server.taken.set(TOKEN, [1, 2, 3]);
    const confirmed = await confirm();
    expect(confirmed).toMatchObject({ do: 'skipped', skip: { token_session: TOKEN, from: 3, to: 4 } });
    expect(((confirmed as { skip: Skip }).skip.why as Error).message).toContain('has passing 3 of');
    expect(journal.unconfirmedFrom(TOKEN)).toBe(undefined);
    expect((await journal.read({ max: 9, maxBytes: 1e9 })).map(({ num_passing }) => num_passing)).toEqual([1, 2, 4]);
  });

  it('are not others where what it has is below the first that is to be sent', async () => {
    const { server, confirm } = await unconfirmed(2);
    server.taken.set(TOKEN, [1, 2]);
    expect(await confirm()).toEqual({ do: 'send' });
  });

  it.each([
    ['may not read', status(403)],
    ['does not know the session', status(404, 'Session not found')],
  ])('are sent where nobody will ever tell: the key %s', async (_, error) => {
    const { server, journal, confirm } = await unconfirmed();
    server.failing = () => error;
    expect(await confirm()).toEqual({ do: 'send' });
    expect(journal.unconfirmedFrom(TOKEN)).toBe(undefined);
  });

  it.each([
    [offline(), 'again'],
    [status(401), 'block'],
    [status(404, 'Not here'), 'again'],
  ])('wait where the server does not say: %s', async (error, then) => {
    const { server, journal, confirm } = await unconfirmed();
    server.failing = () => error;
    expect(await confirm()).toMatchObject({ do: then, cause: error });
    expect(journal.unconfirmedFrom(TOKEN)).toBe(3);
  });
});

it('a new session has its alias only where there is one', async () => {
  const { server } = await world();
  expect(await createSession(server.client, { deviceid: DEVICE, alias: undefined })).toBe(OTHER);
  await createSession(server.client, { deviceid: DEVICE, alias: 'Heat 2' }, { retry: false });
  expect(server.calls.map(({ input, options }) => [input, options])).toStrictEqual([
    [{ deviceid: DEVICE }, undefined],
    [{ deviceid: DEVICE, alias: 'Heat 2' }, { retry: false }],
  ]);
});
