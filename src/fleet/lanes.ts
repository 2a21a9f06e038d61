import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { pause } from '../core/abort.js';
import { encoded, LANES } from './names.js';
import { dropConsumer } from './recovery.js';
import type { Store } from './store.js';
import { CODES, codeOf } from './trouble.js';

/** A pull request waits so long at the server; heartbeats tell within two seconds whether it is still there. */
const PULL_MS = 10_000;
const HEARTBEAT_MS = 1_000;

interface Lane {
  readonly durable: string;
  readonly filter: string;
}

/**
 * A consumer of the fleet: durable consumers of NATS, each with one message under way at a time. That keeps the batches of a
 * device in order, however many processes pull and whichever is killed: the server hands out the next one only when this
 * one is acknowledged.
 */
export class Lanes {
  readonly #store: Store;
  readonly #lanes: readonly Lane[];
  readonly #ackMs: number;
  readonly #receive: (message: JsMsg) => void;
  readonly #stop = new AbortController();
  readonly #pulling = new Set<ConsumerMessages>();
  readonly #loops: Promise<unknown>;

  constructor(
    store: Store,
    { consumer, deviceid, ackMs }: { consumer: string; deviceid: string | undefined; ackMs: number },
    receive: (message: JsMsg) => void,
  ) {
    const { names } = store;
    const name = encoded(consumer);
    this.#store = store;
    this.#ackMs = ackMs;
    this.#receive = receive;
    this.#lanes =
      deviceid === undefined
        ? Array.from({ length: LANES }, (_, lane) => ({ durable: `${name}_${lane}`, filter: names.lane(lane) }))
        : [{ durable: `${name}_${encoded(deviceid)}`, filter: names.batches(deviceid) }];
    this.#loops = Promise.all(this.#lanes.map((lane) => this.#pullOn(lane)));
  }

  /** All that is kept is handed out again. */
  async startOver(): Promise<void> {
    for (const { durable } of this.#lanes) await dropConsumer(this.#store, durable);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    for (const messages of this.#pulling) messages.stop();
    await this.#loops;
  }

  async #pullOn(lane: Lane): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const consumer = await this.#consumer(lane);
        const messages = await consumer.consume({
          max_messages: 1,
          expires: PULL_MS,
          idle_heartbeat: HEARTBEAT_MS,
          abort_on_missing_resource: true,
        });
        this.#pulling.add(messages);
        if (signal.aborted) messages.stop();
        try {
          for await (const message of messages) this.#receive(message);
        } finally {
          this.#pulling.delete(messages);
        }
      } catch {
        // Without a server there is nothing to pull; the consumer is made anew where it is gone.
      }
      await pause(200, signal);
    }
  }

  async #consumer({ durable, filter }: Lane) {
    const { js, jsm, names } = this.#store;
    const ack_wait = nanos(this.#ackMs);
    let info = await jsm.consumers.info(names.stream, durable).catch((error: unknown) => {
      if (codeOf(error) === CODES.consumerNotFound) return undefined;
      throw error;
    });
    info ??= await jsm.consumers.add(names.stream, {
      durable_name: durable,
      filter_subject: filter,
      deliver_policy: 'all',
      ack_policy: 'explicit',
      ack_wait,
      max_ack_pending: 1,
    });
    if (info.config.ack_wait !== ack_wait) info = await jsm.consumers.update(names.stream, durable, { ack_wait });
    return js.consumers.getConsumerFromInfo(info);
  }
}
