import type { Answer } from './http-server.js';
import { storedRow, TOKEN } from './rows.js';

const PAGE_ROWS = 5_000;

export interface LiveFeedOptions {
  readonly deviceid: string;
  readonly perSecond: number;
  readonly seconds: number;
  /** How long after the first request it begins. */
  readonly afterMs: number;
}

/** A device that is read while it writes. Each passing is stored at the moment its timestamp says. */
export class LiveFeed {
  readonly #options: LiveFeedOptions;
  #startedAt: number | undefined;

  constructor(options: LiveFeedOptions) {
    this.#options = options;
  }

  /** The continuous query: what has come since. It begins when somebody asks without a `last`. */
  answer(query: URLSearchParams): Answer {
    const { deviceid, perSecond, seconds, afterMs } = this.#options;
    const last = Number(query.get('last') ?? 0);
    if (last === 0) this.#startedAt ??= Date.now() + afterMs;
    const startedAt = this.#startedAt ?? Date.now();
    const elapsed = Math.max(0, Math.min(Date.now() - startedAt, seconds * 1000));
    const stored = Math.floor((elapsed / 1000) * perSecond);
    const passings: object[] = [];
    for (let number = last + 1; number <= stored && passings.length < PAGE_ROWS; number++) {
      const storedAt = startedAt + Math.ceil((number * 1000) / perSecond);
      passings.push({ ...storedRow(number, 'string'), deviceid, timestamp: new Date(storedAt).toISOString() });
    }
    const description = 'Passings retrieved succesfully';
    const frame = { description, deviceid, session_used: TOKEN, session_label: 'bench', resumed_from: last };
    return { status: 200, json: Buffer.from(JSON.stringify({ body: { ...frame, passings } })) };
  }
}
