import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { pause } from '../core/abort.js';
import { Answer, BodyReader } from '../core/wire/answer.js';
import { type Flight, TransportFailure, type Wire, type WireRequest } from '../core/wire/flight.js';
import { type CallHead, describe } from './calls.js';
import type { Names } from './names.js';
import { cancelOf, Puzzle, piecesOf } from './pieces.js';
import { ASK_MS, type CallAnswer, type Offer } from './protocol.js';
import { isForbidden, isNoResponders } from './trouble.js';

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const BUSY_PAUSE_MS = 100;
const WATCH_MS = 1_000;

/** Has the calls of a box carried by a worker of the fleet. Below the transport: retries, validation and errors are the client's. */
export function boxWire(connecting: Promise<NatsConnection>, names: Names, box: string): Wire {
  return {
    send(request, flight) {
      new Crossing(connecting, names.calls(box), request, flight).run().then(
        (result) => flight.settle(result),
        (cause: unknown) => flight.settle(new TransportFailure('network', flight.sent, cause)),
      );
    },
  };
}

/** One attempt. */
class Crossing {
  readonly #connecting: Promise<NatsConnection>;
  readonly #subject: string;
  readonly #request: WireRequest;
  readonly #flight: Flight;
  #interrupt: () => void = () => {};
  #nats!: NatsConnection;

  constructor(connecting: Promise<NatsConnection>, subject: string, request: WireRequest, flight: Flight) {
    this.#connecting = connecting;
    this.#subject = subject;
    this.#request = request;
    this.#flight = flight;
  }

  async run(): Promise<Answer | TransportFailure> {
    const call = describe(this.#request);
    if (call === undefined) return refused(403, 'The fleet carries only operations of the library, no other requests.');
    const interrupted = new Promise<'interrupted'>((resolve) => {
      this.#flight.cancel = () => {
        resolve('interrupted');
        this.#interrupt();
      };
    });
    const connection = await Promise.race([this.#connecting, interrupted]);
    if (connection === 'interrupted') return new TransportFailure('network', false);
    this.#nats = connection;
    for (;;) {
      const offer = await Promise.race([this.#ask(), interrupted]);
      if (offer === 'interrupted') return new TransportFailure('network', false);
      if (offer instanceof Answer || offer instanceof TransportFailure) return offer;
      if ('busy' in offer) {
        await Promise.race([pause(BUSY_PAUSE_MS * (0.5 + Math.random()), undefined), interrupted]);
        if (this.#flight.settled) return new TransportFailure('network', false);
        continue;
      }
      const answer = await this.#send(offer, { ...call, timeoutMs: this.#leftMs() });
      if (answer !== 'lapsed') return answer;
    }
  }

  /** Who would carry it. Asked again and again until the attempt's time is up. */
  async #ask(): Promise<Offer | Answer | TransportFailure> {
    for (;;) {
      try {
        const answer = await this.#nats.request(this.#subject, '', { timeout: ASK_MS });
        return answer.json<Offer>();
      } catch (cause) {
        if (isForbidden(cause)) {
          return refused(
            403,
            `NATS refused it: ${(cause as Error).message}. Check the permissions of this connection.`,
          );
        }
        if (isNoResponders(cause)) return new TransportFailure('network', false, nobody());
        if (this.#nats.isClosed() || this.#flight.settled) return new TransportFailure('network', false, cause);
        // Paused, or cut off. Where the connection itself is cut, more questions would only wait in its buffer.
        await this.#connected();
      }
    }
  }

  /** Resolves when the server answers, or the attempt is over. */
  async #connected(): Promise<void> {
    while (!this.#flight.settled && !this.#nats.isClosed()) {
      const isUp = await Promise.race([
        this.#nats.rtt().then(
          () => true,
          () => false,
        ),
        pause(ASK_MS, undefined).then(() => false),
      ]);
      if (isUp) return;
      await pause(BUSY_PAUSE_MS, undefined);
    }
  }

  async #send(
    { subject, call }: { subject: string; call: string },
    head: CallHead,
  ): Promise<Answer | TransportFailure | 'lapsed'> {
    if (this.#flight.settled) return new TransportFailure('network', false);
    this.#flight.markSent();
    for (const { data, headers, isLast } of piecesOf(this.#nats, call, head, this.#request.body ?? '')) {
      if (!isLast) {
        this.#nats.publish(subject, data, { headers });
        continue;
      }
      const answers = await this.#nats.requestMany(subject, data, {
        strategy: 'timer',
        maxWait: this.#leftMs(),
        headers,
      });
      return this.#receive(answers, subject, call);
    }
    throw new Error('there is always a last piece');
  }

  async #receive(
    answers: AsyncIterable<Msg>,
    subject: string,
    call: string,
  ): Promise<Answer | TransportFailure | 'lapsed'> {
    const stoppable = answers as AsyncIterable<Msg> & { stop?(): void };
    this.#interrupt = () => {
      stoppable.stop?.();
      if (!this.#nats.isClosed()) this.#nats.publish(subject, '', { headers: cancelOf(call) });
    };
    if (this.#flight.settled) this.#interrupt();
    const chunks: Uint8Array[] = [];
    const puzzle = new Puzzle<CallAnswer>((chunk) => chunks.push(chunk));
    let isGone = false;
    const stopWatching = this.#watch(subject, () => {
      isGone = true;
      stoppable.stop?.();
    });
    try {
      for await (const message of answers) {
        if (!puzzle.add(message))
          return new TransportFailure('network', true, new Error('a piece of the answer is missing'));
        const { head } = puzzle;
        if (head !== undefined && 'status' in head && puzzle.bytes > this.#request.maxBytes && head.status < 300) {
          return new TransportFailure('too-large', true, undefined, head.status);
        }
        if (puzzle.isComplete) return this.#answer(head!, chunks);
      }
    } catch (cause) {
      // The worker is gone, and the call was dropped: nothing of it was sent.
      if (isNoResponders(cause)) return 'lapsed';
      return new TransportFailure('network', true, cause);
    } finally {
      stopWatching();
    }
    return new TransportFailure(
      'network',
      true,
      new Error(isGone ? 'the worker that carried it is gone' : 'the fleet gave no answer'),
    );
  }

  /** A worker that is killed gives no answer: NATS knows at once that it is gone. */
  #watch(subject: string, gone: () => void): () => void {
    const timer = setInterval(() => {
      this.#nats.request(subject, '', { timeout: ASK_MS }).catch((cause: unknown) => {
        if (isNoResponders(cause)) gone();
      });
    }, WATCH_MS);
    return () => clearInterval(timer);
  }

  #answer(
    head: CallAnswer,
    chunks: readonly Uint8Array[],
  ): Answer | TransportFailure | 'lapsed' | Promise<Answer | TransportFailure> {
    if ('lapsed' in head) return 'lapsed';
    if ('lost' in head) return new TransportFailure('network', head.sent, new Error(head.lost));
    const reader = new BodyReader(head.status, head.headers, this.#request.maxBytes);
    for (const chunk of chunks) if (!reader.take(chunk)) return reader.overflow();
    return reader.finish();
  }

  #leftMs(): number {
    return Math.max(1, Math.min(LONGEST_TIMER_MS, Math.ceil(this.#flight.endsAt - performance.now())));
  }
}

function refused(status: number, description: string): Answer {
  return new Answer(
    status,
    { 'content-type': 'application/json' },
    JSON.stringify({ body: { description, advice: '' } }),
  );
}

const nobody = (): Error => new Error('no worker of the fleet serves boxes now');
