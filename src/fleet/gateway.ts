import { type Msg, type MsgCallback, nuid, type Subscription } from '@nats-io/transport-node';
import { internals, type RufusClient } from '../client.js';
import { pause } from '../core/abort.js';
import { RufusAPIError, RufusError, RufusResponseValidationError } from '../core/errors.js';
import type { Operation } from '../core/operation.js';
import { isRecord } from '../core/payload.js';
import { type Call, type CallHead, checkedCall } from './calls.js';
import { decoded, type Names } from './names.js';
import { Ownership } from './ownership.js';
import { refusalOf } from './permission.js';
import { callOf, isCancel, Puzzle, piecesOf } from './pieces.js';
import { type CallAnswer, OFFER_MS, type Offer, QUEUE } from './protocol.js';
import type { Store } from './store.js';
import type { FleetServeOptions } from './types.js';

const ADVICE = "See the fleet's `serve`, and its `allow`.";
const LARGEST_CALL = 16 * 1024 * 1024;
/** At the end, calls under way have so long to be answered. */
const GRACE_MS = 5_000;
const RETURNED_HEADERS = [
  'content-type',
  'retry-after',
  'x-amzn-requestid',
  'x-request-id',
  'x-amz-request-id',
  'apigw-requestid',
  'cf-ray',
];

interface Offered {
  readonly box: string;
  readonly lapse: ReturnType<typeof setTimeout>;
  readonly chunks: Uint8Array[];
  readonly puzzle: Puzzle<CallHead>;
}

type Answered = { readonly head: CallAnswer; readonly body: string };

export interface GatewayParts {
  readonly client: RufusClient;
  readonly store: Store;
  readonly worker: string;
  readonly allow: FleetServeOptions['allow'];
  readonly concurrency: number;
}

/** One serve worker: carries the calls of boxes to the API, with the fleet's key. */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #names: Names;
  readonly #ownership: Ownership;
  readonly #offered = new Map<string, Offered>();
  readonly #running = new Map<string, { readonly done: Promise<void>; readonly controller: AbortController }>();

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#names = parts.store.names;
    this.#ownership = new Ownership(parts.client);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { nats } = this.#parts.store;
    const subject = this.#names.callsFor(this.#parts.worker);
    const calls = nats.subscribe(subject, { callback: heard((message) => this.#collect(message)) });
    const questions = nats.subscribe(this.#names.allCalls, {
      queue: QUEUE,
      callback: heard((message) => this.#offer(message)),
    });
    await ended(signal, [calls, questions]);
    questions.unsubscribe();
    await Promise.race([this.#drained(), pause(GRACE_MS, undefined)]);
    for (const { controller } of this.#running.values()) controller.abort();
    await this.#drained();
    calls.unsubscribe();
    for (const { lapse } of this.#offered.values()) clearTimeout(lapse);
    // What was answered last has to leave, too.
    if (!nats.isClosed()) await nats.flush().catch(() => {});
  }

  async #drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  /** A box asks who would carry a call. */
  #offer(message: Msg): void {
    const box = decoded(message.subject.split('.').at(-1)!);
    if (box === undefined || message.reply === undefined) return;
    message.respond(JSON.stringify(this.#offerTo(box)));
  }

  #offerTo(box: string): Offer {
    const { concurrency, worker } = this.#parts;
    if (this.#offered.size + this.#running.size >= concurrency) return { busy: true };
    const call = nuid.next();
    const chunks: Uint8Array[] = [];
    this.#offered.set(call, {
      box,
      lapse: setTimeout(() => this.#offered.delete(call), OFFER_MS),
      chunks,
      puzzle: new Puzzle((chunk) => chunks.push(chunk)),
    });
    return { subject: this.#names.callsFor(worker, box), call };
  }

  /** A piece of a call that was offered. */
  #collect(message: Msg): void {
    const id = callOf(message);
    // The box only asks whether this worker still lives.
    if (id === '') return void message.respond();
    if (isCancel(message)) {
      this.#withdraw(id);
      this.#running.get(id)?.controller.abort();
      return;
    }
    const offered = this.#offered.get(id);
    const box = decoded(message.subject.split('.').at(-2)!);
    if (offered === undefined || offered.box !== box || !offered.puzzle.add(message)) {
      this.#withdraw(id);
      this.#respond(message, { head: { lapsed: true }, body: '' });
      return;
    }
    const { puzzle, chunks } = offered;
    if (puzzle.bytes > LARGEST_CALL) {
      this.#withdraw(id);
      this.#respond(message, refused(413, `the fleet carries at most ${LARGEST_CALL} bytes at a time`));
      return;
    }
    if (!puzzle.isComplete || puzzle.head === undefined) return;
    this.#withdraw(id);
    const controller = new AbortController();
    const done = this.#carry(box, puzzle.head, Buffer.concat(chunks).toString(), controller.signal)
      .catch((error: unknown): Answered => unanswered(error))
      .then((answer) => this.#respond(message, answer))
      .finally(() => this.#running.delete(id));
    this.#running.set(id, { done, controller });
  }

  #withdraw(id: string): void {
    clearTimeout(this.#offered.get(id)?.lapse);
    this.#offered.delete(id);
  }

  #respond(message: Msg, { head, body }: Answered): void {
    const { nats } = this.#parts.store;
    if (message.reply === undefined || nats.isClosed()) return;
    for (const { data, headers } of piecesOf(nats, callOf(message), head, body)) message.respond(data, { headers });
  }

  async #carry(box: string, head: CallHead, text: string, signal: AbortSignal): Promise<Answered> {
    const call = checkedCall(head, text);
    if (typeof call === 'string') return refused(403, `the call is not carried: ${call}`);
    const refusal = await refusalOf(box, call, this.#ownership, this.#parts.allow);
    if (refusal !== undefined) return refused(403, refusal);
    const { operation, id, query, headers, body, token_session } = call;
    // Read as it came: what it means is for the box's own client to say.
    const { name, method, path, repeat, access } = operation;
    const plain: Operation<void, unknown> = {
      ...{ name, method, path, repeat, access, mayBeEmpty: true },
      encode: () => () => ({
        id,
        query,
        body: body && JSON.stringify(body),
        secrets: token_session === undefined ? [] : [token_session],
      }),
      read: (payload) => payload,
    };
    const timeoutMs = Math.max(1, Math.min(head.timeoutMs, 2 ** 31 - 1));
    try {
      const { data, response } = await internals
        .call(this.#parts.client, plain, undefined, { headers, timeoutMs, signal, retry: false })
        .withResponse();
      this.#learn(call, data);
      return answered(response.status, response.headers, data === undefined ? '' : JSON.stringify({ body: data }));
    } catch (error) {
      if (!(error instanceof RufusAPIError)) throw error;
      const { status, body: said } = error;
      return answered(status, error.headers, typeof said === 'string' ? said : (JSON.stringify({ body: said }) ?? ''));
    }
  }

  /** What passes by need not be asked for later. */
  #learn({ operation: { name: operation }, deviceid, serial_number }: Call, data: unknown): void {
    if (!isRecord(data)) return;
    if (operation === 'devices.bind' && typeof data.deviceid === 'string' && serial_number !== undefined) {
      this.#ownership.learnDevice(data.deviceid, serial_number);
    }
    if (operation === 'sessions.create' && typeof data.token_session === 'string' && deviceid !== undefined) {
      this.#ownership.learnSession(data.token_session, deviceid);
    }
  }
}

function answered(status: number, headers: Headers, body: string): Answered {
  const returned = RETURNED_HEADERS.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  return { head: { status, headers: Object.fromEntries(returned) as Record<string, string> }, body };
}

function refused(status: number, description: string): Answered {
  return answered(
    status,
    new Headers({ 'content-type': 'application/json' }),
    JSON.stringify({ body: { description, advice: ADVICE } }),
  );
}

/** A subscription that is refused tells it by an error; that ends it, and `run` with it. */
const heard =
  (take: (message: Msg) => void): MsgCallback<Msg> =>
  (error, message) => {
    if (error === null) take(message);
  };

/** The API gave none, or none that makes sense. */
function unanswered(error: unknown): Answered {
  if (error instanceof RufusResponseValidationError) {
    // A captive portal's page, half an answer: nothing worth carrying, and the box's client judges it as it would its own.
    return answered(error.status, new Headers({ 'content-type': 'text/plain' }), 'unreadable');
  }
  const sent = error instanceof RufusError && error.requestMaybeProcessed;
  return { head: { lost: error instanceof Error ? error.message : String(error), sent }, body: '' };
}

/** Resolves when the signal aborts or a subscription is gone. */
async function ended(signal: AbortSignal, subscriptions: readonly Subscription[]): Promise<void> {
  await Promise.race([
    new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    }),
    ...subscriptions.map(({ closed }) => closed),
  ]);
}
