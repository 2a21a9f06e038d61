import type { NatsConnection } from '@nats-io/transport-node';
import { pause } from '../core/abort.js';
import type { Mark, Store } from './store.js';
import { CODES, codeOf } from './trouble.js';

/** Somebody who remembers a message of the stream: it tells him whether the stream is still the one that he knew. */
export interface Witness {
  readonly newest: Mark | undefined;
  /** The stream went back to before that message. */
  wentBack(): Promise<void>;
}

/**
 * Looks after every connect whether the servers came back with an earlier copy of their files, before anything is written: the
 * sequences of what was lost are given a second time, and a consumer that had come further than the stream now goes
 * would pass over them without a word (nats-server 2.9; run).
 */
export class Recovery {
  /** Counts the connections. What was learned over one may have been undone before the next. */
  epoch = 0;
  readonly #nats: NatsConnection;
  readonly #check: (remembered: readonly [Witness, Mark][]) => Promise<unknown>;
  readonly #witnesses = new Set<Witness>();
  readonly #stop = new AbortController();
  #remembered = new Map<Witness, Mark>();
  #checked: Promise<void> = Promise.resolve();
  #open: (() => void) | undefined;

  constructor(nats: NatsConnection, check: (remembered: readonly [Witness, Mark][]) => Promise<unknown>) {
    this.#nats = nats;
    this.#check = check;
    void this.#watch();
  }

  /** Resolves at once while the connection stands; after a break, once it stands again and the check is done. */
  get checked(): Promise<void> {
    return this.#checked;
  }

  /** Returns what ends it. */
  ask(witness: Witness): () => void {
    this.#witnesses.add(witness);
    return () => this.#witnesses.delete(witness);
  }

  stop(): void {
    this.#stop.abort();
    this.#open?.();
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.#nats.status()) {
      if (this.#stop.signal.aborted) return;
      if (type === 'disconnect') this.#close();
      else if (type === 'reconnect') void this.#recover();
    }
  }

  #close(): void {
    this.epoch++;
    // Once only: what comes after it belongs to another connection.
    for (const witness of this.#witnesses) {
      if (witness.newest !== undefined && !this.#remembered.has(witness)) this.#remembered.set(witness, witness.newest);
    }
    if (this.#open !== undefined) return;
    this.#checked = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  async #recover(): Promise<void> {
    const { epoch } = this;
    const { signal } = this.#stop;
    while (epoch === this.epoch && !signal.aborted) {
      try {
        await this.#check([...this.#remembered]);
        if (epoch !== this.epoch) return;
        this.#remembered.clear();
        this.#open?.();
        this.#open = undefined;
        return;
      } catch {
        await pause(250, signal);
      }
    }
  }
}

/** Whether a message is still where it was, or was taken by the limits of the stream. */
export async function isIntact(store: Store, { seq, id }: Mark): Promise<boolean> {
  const found = await store.at(seq);
  if (found !== undefined) return found.id === id;
  return (await store.extent()).first > seq;
}

/**
 * Deletes consumers that have come further than their stream goes. Whoever uses one makes it anew and gets again what is kept:
 * what it would have missed is in there.
 */
export async function dropConsumersAhead(store: Store): Promise<void> {
  const suspects = await consumersAhead(store);
  if (suspects.length === 0) return;
  // A server that was cut off answers from the past. Consumers would get far too much again for that: ask once more.
  await pause(500, undefined);
  const again = new Set(await consumersAhead(store));
  for (const name of suspects.filter((suspect) => again.has(suspect))) await dropConsumer(store, name);
}

async function consumersAhead(store: Store): Promise<string[]> {
  const consumers = await store.consumers();
  // Asked second: in a stream that only grows nobody can be ahead of this.
  const { last } = await store.extent();
  return consumers
    .filter(({ config, delivered }) => config.durable_name !== undefined && delivered.stream_seq > last)
    .map(({ name }) => name);
}

export async function dropConsumer({ jsm, names }: Store, name: string): Promise<void> {
  try {
    await jsm.consumers.delete(names.stream, name);
  } catch (error) {
    if (codeOf(error) !== CODES.consumerNotFound) throw error;
  }
}
