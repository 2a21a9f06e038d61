import type { RufusClient } from '../client.js';
import { asValidated } from '../core/validation/passings.js';
import { judge, type Outcome, type Verdict } from './disposition.js';
import type { Entry } from './journal.js';

/** One attempt to deliver passings of one session, and what its answer means. */
export async function send(client: RufusClient, piece: readonly Entry[], signal: AbortSignal): Promise<Verdict> {
  const { token_session } = piece[0]!;
  // The number first: V8 gives each object that begins with a spread a shape of its own, and keeps that for long.
  // Validated at append: if this version refused one of them now, it would hold up the log for ever.
  const passings = asValidated(piece.map(({ passing, num_passing }) => ({ num_passing, ...passing })));
  let outcome: Outcome;
  try {
    // Each attempt must be seen: only one that may have been stored excuses duplicates.
    const call = client.passings.insert(token_session, passings, { retry: false, signal });
    const { data, response } = await call.withResponse();
    outcome = { receipt: data, status: response.status };
  } catch (error) {
    outcome = { error };
  }
  return judge(outcome, { token_session, count: piece.length });
}
