import type { Answer } from './http-server.js';
import { DEVICE, storedRow, TOKEN } from './rows.js';

const PAGE_ROWS = 5_000;

/** A device that is read while it writes. Each passing is stored at the moment its timestamp says. */
export class LiveFeed {
  readonly #perSecond: number;
  readonly #seconds: number;
  #startedAt: number | undefined;

  constructor({ perSecond, seconds }: { perSecond: number; seconds: number }) {
    this.#perSecond = perSecond;
    this.#seconds = seconds;
  }

  /** The continuous query: what has come since. It begins when somebody asks without a `last`. */
  answer(query: URLSearchParams): Answer {
    const last = Number(query.get('last') ?? 0);
    if (last === 0) this.#startedAt ??= Date.now();
    const startedAt = this.#startedAt ?? Date.now();
    const elapsed = Math.min(Date.now() - startedAt, this.#seconds * 1000);
    const stored = Math.floor((elapsed / 1000) * this.#perSecond);
    const passings: object[] = [];
    for (let number = last + 1; number <= stored && passings.length < PAGE_ROWS; number++) {
      const storedAt = startedAt + Math.ceil((number * 1000) / this.#perSecond);
      passings.push({ ...storedRow(number, 'string'), timestamp: new Date(storedAt).toISOString() });
    }
    const description = 'Passings retrieved succesfully';
    const frame = { description, deviceid: DEVICE, session_used: TOKEN, session_label: 'bench', resumed_from: last };
    return { status: 200, json: Buffer.from(JSON.stringify({ body: { ...frame, passings } })) };
  }
}
