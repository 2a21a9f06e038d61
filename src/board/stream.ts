import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/** What is kept for clients that come back. Beyond it the whole state is less than what they missed. */
const RING_EVENTS = 1_000;
const RING_BYTES = 1_048_576;
/** What may wait for one client in this process before it gets the whole state instead, once it takes something again. */
const MOST_WAITING_BYTES = 262_144;

interface Client {
  readonly response: ServerResponse;
  /** performance.now() since when it takes nothing. */
  stalledAt: number | undefined;
}

/** Server-sent events to any number of clients. */
export class Stream {
  /** An id of another run of the server means nothing to this one. */
  readonly #run = randomBytes(6).toString('hex');
  readonly #ring: { readonly id: number; readonly bytes: Buffer }[] = [];
  #ringBytes = 0;
  #lastId = 0;
  readonly #clients = new Set<Client>();
  readonly #state: () => string;
  readonly #stallMs: number;

  /** @param state The whole state (JSON) as it is now, once what has changed is published. */
  constructor(state: () => string, stallMs: number) {
    this.#state = state;
    this.#stallMs = stallMs;
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** An answer whose head is written. It gets what it missed since `lastEventId`, or else the whole state; then what comes. */
  add(response: ServerResponse, lastEventId: string | undefined): void {
    const client: Client = { response, stalledAt: undefined };
    const missed = this.#missedSince(lastEventId) ?? [this.#stateEvent()];
    for (const bytes of missed) response.write(bytes);
    this.#clients.add(client);
    response.once('close', () => this.#clients.delete(client));
  }

  publish(event: string, data: string): void {
    const bytes = this.#event(event, data, ++this.#lastId);
    this.#ring.push({ id: this.#lastId, bytes });
    this.#ringBytes += bytes.length;
    while (this.#ring.length > RING_EVENTS || (this.#ringBytes > RING_BYTES && this.#ring.length > 0)) {
      this.#ringBytes -= this.#ring.shift()!.bytes.length;
    }
    this.#broadcast(bytes);
  }

  /** A sign of life: nothing that anybody would miss. Lets go of who has not taken anything for long. */
  beat(data: string): void {
    for (const client of this.#clients) {
      if (client.stalledAt !== undefined && performance.now() - client.stalledAt > this.#stallMs) {
        this.#clients.delete(client);
        client.response.destroy();
      }
    }
    this.#broadcast(this.#event('beat', data));
  }

  close(): void {
    for (const { response } of this.#clients) response.end();
  }

  #broadcast(bytes: Buffer): void {
    for (const client of this.#clients) this.#send(client, bytes);
  }

  #send(client: Client, bytes: Buffer): void {
    const { response } = client;
    if (client.stalledAt !== undefined) return;
    if (response.writableLength + bytes.length <= MOST_WAITING_BYTES) {
      response.write(bytes);
      return;
    }
    client.stalledAt = performance.now();
    response.once('drain', () => {
      response.write(this.#stateEvent());
      client.stalledAt = undefined;
    });
  }

  #missedSince(lastEventId: string | undefined): readonly Buffer[] | undefined {
    const [run, number] = lastEventId?.split('-') ?? [];
    const id = Number(number);
    const first = this.#ring[0]?.id ?? this.#lastId + 1;
    if (run !== this.#run || !(id >= first - 1 && id <= this.#lastId)) return undefined;
    return this.#ring.slice(id + 1 - first).map(({ bytes }) => bytes);
  }

  #stateEvent(): Buffer {
    const state = this.#state();
    return this.#event('state', state, this.#lastId);
  }

  #event(event: string, data: string, id?: number): Buffer {
    const idLine = id === undefined ? '' : `id: ${this.#run}-${id}\n`;
    return Buffer.from(`event: ${event}\n${idLine}data: ${data}\n\n`);
  }
}
