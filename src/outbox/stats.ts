import { inspect } from 'node:util';
import { shorten } from '../core/redact.js';
import type { OutboxStats } from './types.js';

/**
 * A snapshot whose token programs can read whole, and nothing that copies or prints it does: the figures are what a health
 * endpoint answers and a logger takes, and both JSON and a spread go by what is enumerable.
 */
export function snapshot({ token_session, ...figures }: OutboxStats): OutboxStats {
  const { state, storage, ...counts } = figures;
  const shown = (): object => ({ state, storage, token_session: shorten(token_session), ...counts });
  return Object.defineProperties(figures as OutboxStats, {
    token_session: { value: token_session },
    toJSON: { value: shown },
    [inspect.custom]: { value: shown },
  });
}
