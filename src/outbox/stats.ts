import { inspect } from 'node:util';
import { shorten } from '../core/redact.js';
import type { OutboxStats } from './types.js';

/**
 * Figures whose token programs can read whole, and nothing that copies or prints them shows: they are what a health endpoint
 * answers and a logger takes, and both JSON and a spread go by what is the object's own.
 */
export class Snapshot {
  readonly #token: string;

  static of({ token_session, ...figures }: OutboxStats): OutboxStats {
    return Object.assign(new Snapshot(token_session), figures);
  }

  private constructor(token: string) {
    this.#token = token;
  }

  get token_session(): string {
    return this.#token;
  }

  toJSON(): object {
    const { state, storage, ...counts } = this as unknown as Omit<OutboxStats, 'token_session'>;
    return { state, storage, token_session: shorten(this.#token), ...counts };
  }

  [inspect.custom](): object {
    return this.toJSON();
  }
}
