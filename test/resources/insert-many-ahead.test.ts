// insertMany gets the next batch ready while a request is under way: what happens to either of them meanwhile.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type PassingInput,
  RufusAbortError,
  RufusConfigError,
  RufusRequestValidationError,
  ServerError,
} from '../../src/index.js';
import { enveloped, html } from '../support/behaviours.js';
import { clientOf, rejection } from '../support/client.js';
import { input, TOKEN } from '../support/operations.js';
import { type Behaviour, type ScriptedServer, startServer } from '../support/server.js';

type Sent = { passings_list: { num_passing: number }[] };
const numbers = (body: unknown) => (body as Sent).passings_list.map(({ num_passing }) => num_passing);
const batches = (server: ScriptedServer) => server.requests.map((seen) => numbers(seen.json()));

const storing: Behaviour = (exchange) => {
  const inserted_count = numbers(exchange.seen.json()).length;
  return enveloped(201, { description: 'ok', token_session: TOKEN, inserted_count, duplicate_count: 0 })(exchange);
};

/** Answers once it is let go. */
function held(behaviour: Behaviour): { behaviour: Behaviour; letGo: () => void } {
  let letGo = (): void => {};
  const gone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  return { behaviour: (exchange) => gone.then(() => behaviour(exchange)), letGo };
}

/** Gives what is in the list, and then nothing for ever. Knows how many it has given and whether it was closed. */
class Silent implements AsyncIterableIterator<PassingInput> {
  given = 0;
  isClosed = false;
  readonly #items: readonly PassingInput[];
  constructor(items: readonly PassingInput[]) {
    this.#items = items;
  }
  [Symbol.asyncIterator](): this {
    return this;
  }
  next(): Promise<IteratorResult<PassingInput>> {
    const value = this.#items[this.given++];
    return value === undefined ? new Promise(() => {}) : Promise.resolve({ done: false, value });
  }
  async return(): Promise<IteratorResult<PassingInput>> {
    this.isClosed = true;
    return { done: true, value: undefined };
  }
}

/** Long enough for everything that does not wait for a socket. */
async function turns(): Promise<void> {
  for (let count = 0; count < 20; count++) await turn();
}

function settling(call: Promise<unknown>): { isSettled: boolean } {
  const state = { isSettled: false };
  const settle = () => {
    state.isSettled = true;
  };
  call.then(settle, settle);
  return state;
}

const list = (count: number) => Array.from({ length: count }, (_, index) => input(index + 1));

describe('while a request is under way', () => {
  it.each(['sync', 'async'])('the next batch of a %s source is read and validated, and no more', async (form) => {
    const server = await startServer();
    const first = held(storing);
    server.replies(first.behaviour).always(storing);
    let given = 0;
    const read: number[] = [];
    function* source() {
      for (const one of list(7)) {
        given++;
        yield Object.defineProperty({ ...one }, 'bib', {
          enumerable: true,
          get: () => {
            read.push(one.num_passing);
            return one.bib;
          },
        });
      }
    }
    async function* asynchronous() {
      yield* source();
    }
    const call = clientOf(server).passings.insertMany(TOKEN, form === 'sync' ? source() : asynchronous(), {
      batchSize: 2,
    });
    await server.arrival(1);
    await vi.waitFor(() => expect(read).toEqual([1, 2, 3, 4]));
    await turns();
    expect(given).toBe(4);
    expect(server.requests).toHaveLength(1);
    first.letGo();
    await expect(call).resolves.toMatchObject({ sent: 7, inserted_count: 7, requests: 4 });
    expect(batches(server)).toEqual([[1, 2], [3, 4], [5, 6], [7]]);
    expect(server.peak).toBe(1);
    // Each field is read once: it may be a getter.
    expect(read).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('which has left this machine before the next batch is made ready', async () => {
    const server = await startServer();
    server.always(storing);
    let left = 0;
    const count = () => {
      left++;
    };
    subscribe('undici:client:sendHeaders', count);
    onTestFinished(() => void unsubscribe('undici:client:sendHeaders', count));
    const leftBefore: number[] = [];
    function* source() {
      for (const one of list(14)) {
        if (one.num_passing % 2 === 1) leftBefore.push(left);
        yield one;
      }
    }
    await clientOf(server).passings.insertMany(TOKEN, source(), { batchSize: 2 });
    // The first ones may wait for a connection meanwhile.
    expect(leftBefore.slice(3)).toEqual([3, 4, 5, 6]);
  });

  it("an error of the source's own waits for its end, and comes out unchanged", async () => {
    const server = await startServer();
    const first = held(storing);
    server.always(first.behaviour);
    const bug = Object.freeze(new Error('the file ends in the middle of a line'));
    let hasThrown = false;
    function* source() {
      yield* list(3);
      hasThrown = true;
      throw bug;
    }
    const told: number[] = [];
    const call = clientOf(server).passings.insertMany(TOKEN, source(), {
      batchSize: 2,
      onProgress: ({ sent }) => told.push(sent),
    });
    const state = settling(call);
    await server.arrival(1);
    await vi.waitFor(() => expect(hasThrown).toBe(true));
    await turns();
    expect(state.isSettled).toBe(false);
    first.letGo();
    expect(await rejection(Error, call)).toBe(bug);
    expect(told).toEqual([2]);
    expect(batches(server)).toEqual([[1, 2]]);
  });

  it('a fault in the next batch waits for its end, and knows what was confirmed', async () => {
    const server = await startServer();
    const first = held(storing);
    server.always(first.behaviour);
    let isClosed = false;
    function* source() {
      try {
        yield* [input(1), input(2), input(3), { ...input(4), bib: '' }, input(5)];
      } finally {
        isClosed = true;
      }
    }
    const call = clientOf(server).passings.insertMany(TOKEN, source(), { batchSize: 2 });
    const state = settling(call);
    await server.arrival(1);
    await turns();
    expect(state.isSettled).toBe(false);
    first.letGo();
    const thrown = await rejection(RufusRequestValidationError, call);
    expect(thrown.message).toContain('the first 2 were sent, nothing of what follows. passings[3].bib');
    expect(thrown.progress).toEqual({ sent: 2, inserted_count: 2, duplicate_count: 0, requests: 1 });
    expect(batches(server)).toEqual([[1, 2]]);
    expect(isClosed).toBe(true);
  });

  it('and fails, its error counts, not that of the batch after it', async () => {
    const server = await startServer();
    const second = held(html(501));
    server.replies(storing, second.behaviour);
    const faulty = [...list(4), { ...input(5), bib: '' }];
    const call = clientOf(server).passings.insertMany(TOKEN, faulty, { batchSize: 2 });
    await server.arrival(2);
    await turns();
    second.letGo();
    const thrown = await rejection(ServerError, call);
    expect(thrown.progress).toMatchObject({ sent: 2, requests: 1 });
  });
});

describe('while the source is silent', () => {
  it('what is confirmed is told at once', async () => {
    const server = await startServer();
    server.always(storing);
    const controller = new AbortController();
    const { signal } = controller;
    const told = await new Promise((resolve) => {
      clientOf(server)
        .passings.insertMany(TOKEN, new Silent(list(3)), { batchSize: 2, signal, onProgress: resolve })
        .catch(() => {});
    });
    expect(told).toEqual({ sent: 2, inserted_count: 2, duplicate_count: 0, requests: 1 });
    controller.abort();
  });

  it('a failed request throws at once, closes the source, and leaves no listener', async () => {
    const server = await startServer();
    server.replies(storing, html(501));
    const source = new Silent(list(5));
    const { signal } = new AbortController();
    const call = clientOf(server).passings.insertMany(TOKEN, source, { batchSize: 2, signal });
    const thrown = await rejection(ServerError, call);
    expect(thrown.progress).toMatchObject({ sent: 2, requests: 1 });
    expect(source.isClosed).toBe(true);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it.each(['during the request', 'after it'])('an abort %s ends it, with what was confirmed', async (when) => {
    const server = await startServer();
    const second = held(storing);
    server.replies(storing, second.behaviour);
    const source = new Silent(list(5));
    const controller = new AbortController();
    const { signal } = controller;
    const told: number[] = [];
    const call = clientOf(server).passings.insertMany(TOKEN, source, {
      batchSize: 2,
      signal,
      onProgress: ({ sent }) => told.push(sent),
    });
    const failed = rejection(RufusAbortError, call);
    await server.arrival(2);
    await vi.waitFor(() => expect(source.given).toBe(6));
    if (when === 'after it') {
      second.letGo();
      await vi.waitFor(() => expect(told).toEqual([2, 4]));
    }
    controller.abort();
    expect((await failed).progress).toMatchObject(
      when === 'after it' ? { sent: 4, requests: 2 } : { sent: 2, requests: 1 },
    );
    expect(source.isClosed).toBe(true);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('halves of what was too large do not wait for it', async () => {
    const server = await startServer();
    const isTooLarge = (body: unknown) => numbers(body).length > 2;
    server.always((exchange) => (isTooLarge(exchange.seen.json()) ? html(413) : storing)(exchange));
    const controller = new AbortController();
    const call = clientOf(server).passings.insertMany(TOKEN, new Silent(list(4)), {
      batchSize: 4,
      signal: controller.signal,
    });
    const failed = rejection(RufusAbortError, call);
    await server.arrival(3);
    expect(batches(server)).toEqual([
      [1, 2, 3, 4],
      [1, 2],
      [3, 4],
    ]);
    controller.abort();
    await failed;
  });
});

it('what was too large is sent before the fault of the batch that was ready behind it', async () => {
  const server = await startServer();
  server.always((exchange) => (numbers(exchange.seen.json()).length > 2 ? html(413) : storing)(exchange));
  const faulty = [...list(7), { ...input(8), bib: '' }];
  const call = clientOf(server).passings.insertMany(TOKEN, faulty, { batchSize: 5 });
  const thrown = await rejection(RufusRequestValidationError, call);
  expect(thrown.message).toContain('the first 5 were sent, nothing of what follows. passings[7].bib');
  expect(thrown.progress).toMatchObject({ sent: 5, inserted_count: 5 });
  expect(batches(server).slice(-2)).toEqual([[3, 4], [5]]);
});

it('a client that is closed meanwhile sends nothing of the batch that is ready', async () => {
  const server = await startServer();
  const first = held(storing);
  server.always(first.behaviour);
  const client = clientOf(server);
  const call = client.passings.insertMany(TOKEN, list(4), { batchSize: 2 });
  const failed = rejection(RufusConfigError, call);
  await server.arrival(1);
  await turns();
  const closed = client.close();
  first.letGo();
  const thrown = await failed;
  expect(thrown).toMatchObject({ code: 'closed', progress: { sent: 2, requests: 1 } });
  await closed;
  expect(batches(server)).toEqual([[1, 2]]);
});
