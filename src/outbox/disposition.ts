import type { RufusClient } from '../client.js';
import {
  RufusAbortError,
  RufusAPIError,
  RufusConnectionError,
  RufusError,
  RufusResponseValidationError,
  RufusTimeoutError,
} from '../core/errors.js';
import { descriptionOf } from '../core/payload.js';
import { redact, shorten } from '../core/redact.js';
import { exponentialDelay, jittered } from '../core/retry.js';
import { asValidated } from '../core/validation/passings.js';
import type { InsertResult } from '../types.js';
import type { OutboxContext } from './context.js';
import type { Entry } from './journal.js';

interface Failure {
  readonly cause: unknown;
  /** The server may have stored the passings all the same. */
  readonly maybeStored: boolean;
}

/** What an answer does with the passings of its request. */
export type Disposition =
  /** The server has them. */
  | { readonly do: 'advance'; readonly inserted: number; readonly duplicates: number }
  /** The same again after a pause. `halve`: in smaller chunks, the link is too slow for this one. */
  | (Failure & { readonly do: 'again'; readonly halve: boolean; readonly retryAfterMs: number | undefined })
  /** Too large: halved and sent at once; a single passing is parked. */
  | { readonly do: 'halve'; readonly rejection: Rejection }
  /** One of them is invalid: halved and sent at once, until that one is alone and is parked. */
  | { readonly do: 'split'; readonly rejection: Rejection }
  /** Needs an operator: the key is refused, or the client itself fails. */
  | (Failure & { readonly do: 'block' })
  /** The session is closed. */
  | { readonly do: 'session-closed'; readonly rejection: Rejection }
  /** Aborted. */
  | (Failure & { readonly do: 'stop' });

type Again = Extract<Disposition, { do: 'again' }>;
/** The dispositions that change nothing: the same passings are sent again. */
export type Unsettled = Extract<Disposition, { do: 'again' | 'block' | 'stop' }>;

export const isUnsettled = (disposition: Disposition): disposition is Unsettled =>
  disposition.do === 'again' || disposition.do === 'block' || disposition.do === 'stop';

/** A refusal, as an operator sees it. */
export interface Rejection {
  readonly status: number;
  readonly response: string | undefined;
  readonly cause: RufusAPIError;
}

/** A failure on our side of the wire. */
export function localFailure(cause: unknown): Again {
  return { do: 'again', cause, maybeStored: false, halve: false, retryAfterMs: undefined };
}

/** A longer Retry-After is cut to this. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** The pause after so many failures in a row before this one: random, up to a ceiling that doubles with each; at least what the server asked for. */
export function pauseMs({ settings, random }: OutboxContext, failures: number, retryAfterMs = 0): number {
  const { firstMs, maxMs } = settings.backoff;
  const delayMs = jittered(exponentialDelay(firstMs, maxMs, failures), 0, random);
  return Math.max(delayMs, Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS));
}

const RESPONSE_CHARACTERS = 2_048;

/** What a rejection of `passings.insert` does with its passings: nothing is parked without an answer about it. */
export function dispositionOfInsertError(error: unknown): Disposition {
  if (error instanceof RufusAbortError) return { do: 'stop', cause: error, maybeStored: error.requestMaybeProcessed };
  if (error instanceof RufusAPIError) return ofStatus(error);
  if (error instanceof RufusTimeoutError) return again(error, error.requestMaybeProcessed);
  if (error instanceof RufusConnectionError || error instanceof RufusResponseValidationError) return again(error);
  // The client itself has failed: its key function, a middleware, or it is closed. That says nothing about the passings.
  return { do: 'block', cause: error, maybeStored: error instanceof RufusError && error.requestMaybeProcessed };
}

function again(cause: RufusError, halve = false, retryAfterMs?: number): Again {
  return { do: 'again', cause, maybeStored: cause.requestMaybeProcessed, halve, retryAfterMs };
}

function ofStatus(error: RufusAPIError): Disposition {
  switch (error.status) {
    case 400:
    case 422:
      return { do: 'split', rejection: rejectionOf(error) };
    case 413:
      return { do: 'halve', rejection: rejectionOf(error) };
    case 401:
    case 403:
      return { do: 'block', cause: error, maybeStored: false };
    case 404:
      if (says(error, /^session not found or closed\b/i))
        return { do: 'session-closed', rejection: rejectionOf(error) };
  }
  // 408, 425, 429 and 5xx are temporary; a redirect, another 404 or a 405 come from a proxy or a wrong address.
  return again(error, false, error.retryAfterMs);
}

/** Whether the API itself has refused, by its description: the 404 of a gateway says nothing about the session. */
export function says(error: RufusAPIError, words: RegExp): boolean {
  return words.test(descriptionOf(error.body)?.trim() ?? '');
}

function rejectionOf(error: RufusAPIError): Rejection {
  const { body } = error;
  const text = typeof body === 'string' ? body : toJson(body);
  const response = text === undefined ? undefined : redact(text).slice(0, RESPONSE_CHARACTERS);
  return { status: error.status, response, cause: error };
}

function toJson(body: unknown): string | undefined {
  try {
    return JSON.stringify(body);
  } catch {
    // JSON.parse accepts deeper nesting than JSON.stringify.
    return undefined;
  }
}

/** Nothing counts as delivered without a receipt for all `count` passings of the request. */
export function dispositionOfReceipt(
  { token_session, inserted_count, duplicate_count }: InsertResult,
  status: number,
  session: string,
  count: number,
): Disposition {
  if (token_session !== session) {
    return suspicious(status, 'token_session', `expected ${shorten(session)}, the session that was written to`);
  }
  // Both are optional: a missing one is the rest.
  const inserted = inserted_count ?? count - (duplicate_count ?? 0);
  const duplicates = duplicate_count ?? count - inserted;
  if (inserted < 0 || duplicates < 0 || inserted + duplicates !== count) {
    return suspicious(status, 'inserted_count', `expected counts that add up to the ${count} passings sent`);
  }
  return { do: 'advance', inserted, duplicates };
}

function suspicious(status: number, field: string, message: string): Disposition {
  const error = new RufusResponseValidationError(
    `passings.insert: answered ${status}, but ${field}: ${message}. Whether they are stored is not known; they are sent again.`,
    {
      operation: 'passings.insert',
      attempts: 1,
      requestMaybeProcessed: true,
      issues: [{ path: [field], message }],
      status,
    },
  );
  return again(error);
}

/** The same for other calls than insert (creating a session, reading one back): their answers park nothing. */
export function dispositionOfError(error: unknown): Unsettled {
  const disposition = dispositionOfInsertError(error);
  if (isUnsettled(disposition)) return disposition;
  return { do: 'block', cause: error, maybeStored: false };
}

/** One attempt to deliver passings of one session, and what its answer means. */
export async function send(client: RufusClient, chunk: readonly Entry[], signal: AbortSignal): Promise<Disposition> {
  const { token_session } = chunk[0]!;
  // The number first: V8 gives every object literal that begins with a spread a hidden class of its own.
  // Not validated again: a passing that this version refuses would block the log for ever. The server decides.
  const passings = asValidated(chunk.map(({ passing, num_passing }) => ({ num_passing, ...passing })));
  try {
    // Without retries of the client: the outbox must know of each attempt that may have been stored, to expect its duplicates.
    const call = client.passings.insert(token_session, passings, { retry: false, signal });
    const { data, response } = await call.withResponse();
    return dispositionOfReceipt(data, response.status, token_session, chunk.length);
  } catch (error) {
    return dispositionOfInsertError(error);
  }
}
