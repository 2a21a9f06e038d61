import { list } from '../core/lists.js';
import { listEvents } from '../core/operations.js';
import type { Transport } from '../core/transport.js';
import type { Events, PagePromise, PageQuery, RaceEvent, RequestOptions } from '../types.js';

export class EventsModule implements Events {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query?: PageQuery & { limit?: number | undefined }, options?: RequestOptions): PagePromise<RaceEvent> {
    return list(this.#transport, listEvents, { query }, options);
  }
}
