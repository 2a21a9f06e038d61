import type { RufusClient } from '../client.js';
import { asValidated } from '../core/validation/passings.js';
import { type AttemptResult, type Disposition, dispositionOf } from './disposition.js';
import type { Entry } from './journal.js';

/** One attempt to deliver passings of one session, and what its answer means. */
export async function send(client: RufusClient, chunk: readonly Entry[], signal: AbortSignal): Promise<Disposition> {
  const { token_session } = chunk[0]!;
  // The number first: V8 gives each object that begins with a spread a shape of its own, and keeps that for long.
  // Validated at append: if this version refused one of them now, it would hold up the log for ever.
  const passings = asValidated(chunk.map(({ passing, num_passing }) => ({ num_passing, ...passing })));
  let result: AttemptResult;
  try {
    // Each attempt must be seen: only one that may have been stored excuses duplicates.
    const call = client.passings.insert(token_session, passings, { retry: false, signal });
    const { data, response } = await call.withResponse();
    result = { receipt: data, status: response.status };
  } catch (error) {
    result = { error };
  }
  return dispositionOf(result, { token_session, count: chunk.length });
}
