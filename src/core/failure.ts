import { portOf } from './connections.js';
import {
  type ErrorFacts,
  RufusAbortError,
  RufusConfigError,
  RufusConnectionError,
  type RufusError,
  RufusResponseValidationError,
  RufusTimeoutError,
} from './errors.js';
import type { Endpoint } from './operation.js';
import type { CallSettings } from './options.js';
import { safeCause } from './redact.js';
import { codeOf, type FailureKind, kindOfNetworkError, wasSent } from './retry.js';
import { TunnelError } from './wire/connect.js';
import type { TransportFailure } from './wire/flight.js';

/** A failed attempt: what to throw if it is the last, and whether it need be. */
export interface Failure {
  readonly error: unknown;
  readonly kind: FailureKind;
  readonly tookEffect: boolean;
  readonly retryAfterMs: number | undefined;
}

/** What the failures of a call need to know about it. */
export interface CallState {
  readonly operation: Endpoint;
  /** The token or deviceid in the path; empty where there is none. */
  readonly id: string;
  /** The path as it may be shown. */
  readonly shownPath: string;
  readonly origin: string;
  readonly settings: CallSettings;
  readonly maxResponseBytes: number;
  readonly signal: AbortSignal | undefined;
  /** The key and the tokens of this call, never to be shown. */
  readonly secrets: readonly string[];
  /** 1-based; 0 before the first. */
  readonly attempt: number;
  /** An earlier attempt may have taken effect. */
  readonly maybeProcessed: boolean;
}

/** The common fields of the error of this attempt. */
export function facts(call: CallState, tookEffect: boolean): ErrorFacts {
  return {
    operation: call.operation.name,
    attempts: call.attempt,
    requestMaybeProcessed: maybeProcessed(call, tookEffect),
  };
}

export function maybeProcessed(call: CallState, tookEffect: boolean): boolean {
  return call.maybeProcessed || (tookEffect && call.operation.repeat !== 'read');
}

/** "passings.insert: POST /passings answered 503 (after 3 attempts, request id abc). The request may have been processed. Hint." */
export function sentence(
  call: CallState,
  what: string,
  requestId: string | undefined,
  hint: string,
  tookEffect: boolean,
): string {
  const { name, method } = call.operation;
  const attempt = call.attempt > 1 ? `after ${call.attempt} attempts` : '';
  const aside = [attempt, requestId === undefined ? '' : `request id ${requestId}`]
    .filter((part) => part !== '')
    .join(', ');
  const maybe = maybeProcessed(call, tookEffect) ? ' The request may have been processed.' : '';
  return `${name}: ${method} ${call.shownPath} ${what}${aside === '' ? '' : ` (${aside})`}.${maybe}${hint === '' ? '' : ` ${hint}`}`;
}

/** The error and the failure kind of an attempt without a complete answer. */
export function failureOf(failure: TransportFailure, call: CallState): Failure {
  const kind = kindOf(failure);
  const tookEffect = mayHaveArrived(failure);
  return { error: errorOf(failure, call, tookEffect), kind, tookEffect, retryAfterMs: undefined };
}

function mayHaveArrived({ why, cause, sent }: TransportFailure): boolean {
  return why === 'network' ? wasSent(cause, sent) : sent && why !== 'thrown' && why !== 'key';
}

function kindOf(failure: TransportFailure): FailureKind {
  if (failure.why === 'network') return kindOfNetworkError(failure.cause, failure.sent);
  if (failure.why === 'timeout') return failure.sent ? 'ambiguous' : 'unsent';
  return 'final';
}

function errorOf(failure: TransportFailure, call: CallState, tookEffect: boolean): unknown {
  const common = facts(call, tookEffect);
  const say = (what: string, hint: string): string => sentence(call, what, undefined, hint, tookEffect);
  switch (failure.why) {
    case 'thrown':
      return failure.cause;
    case 'key':
      return new RufusConfigError(say('was not sent: the `apiKey` function failed', 'See `cause`.'), {
        ...common,
        code: 'api_key',
        cause: safeCause(failure.cause, call.secrets),
      });
    case 'no-answer':
      return new RufusConfigError(
        say(
          'has no answer: a middleware gave none',
          'It must return what `next` resolves with, or `status`, `headers`, `text` and `json()` like it.',
        ),
        common,
      );
    case 'abort':
      return abortError(call, tookEffect);
    case 'timeout':
      return timeoutError(call, 'timeoutMs', tookEffect);
    case 'budget':
      return timeoutError(call, 'totalTimeoutMs', tookEffect);
    case 'too-large':
      return new RufusResponseValidationError(
        say(`answered with more than ${call.maxResponseBytes} bytes`, 'Raise `maxResponseBytes`, or ask for less.'),
        {
          ...common,
          issues: [{ path: [], message: `expected at most ${call.maxResponseBytes} bytes` }],
          status: failure.status,
        },
      );
    case 'network':
      return connectionError(failure.cause, call, common, tookEffect);
  }
}

export function abortError(call: CallState, tookEffect: boolean): RufusAbortError {
  return new RufusAbortError(sentence(call, "was aborted by the caller's signal", undefined, '', tookEffect), {
    ...facts(call, tookEffect),
    cause: safeCause(call.signal?.reason, call.secrets),
  });
}

export function timeoutError(
  call: CallState,
  limit: 'timeoutMs' | 'totalTimeoutMs',
  tookEffect: boolean,
): RufusTimeoutError {
  const timeoutMs = call.settings[limit];
  return new RufusTimeoutError(
    sentence(call, `gave no complete answer within ${timeoutMs} ms (${limit})`, undefined, '', tookEffect),
    { ...facts(call, tookEffect), timeoutMs },
  );
}

function connectionError(cause: unknown, call: CallState, common: ErrorFacts, tookEffect: boolean): RufusError {
  const safe = safeCause(cause, call.secrets);
  if (cause instanceof TunnelError) {
    return new RufusConnectionError(
      sentence(call, `was not sent: ${cause.message}`, undefined, cause.advice, tookEffect),
      { ...common, cause: safe },
    );
  }
  const code = codeOf(cause);
  const reason = code !== '' ? code : safe instanceof Error && safe.message !== '' ? safe.message : 'connection lost';
  const hint = isElsewhere(cause, call.origin) ? ELSEWHERE : (HINTS[code] ?? '');
  return new RufusConnectionError(
    sentence(call, `got no complete answer from ${call.origin}: ${reason}`, undefined, hint, tookEffect),
    { ...common, cause: safe },
  );
}

/** It was not the server that could not be reached: a dispatcher of the caller's goes through a proxy. */
function isElsewhere(cause: unknown, origin: string): boolean {
  if (!(cause instanceof Error) || !('syscall' in cause) || cause.syscall !== 'connect' || !('port' in cause))
    return false;
  return String(cause.port) !== portOf(new URL(origin));
}

const ELSEWHERE = 'The connection failed on the way there, at a proxy perhaps: see `cause`, and check the dispatcher.';

const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens there: check the base URL and the port.',
  ENOTFOUND: 'The name does not resolve: check the base URL and the network.',
  EAI_AGAIN: 'The name server did not answer: check the network.',
  UND_ERR_CONNECT_TIMEOUT: 'The server could not be reached in time: check the network.',
  UND_ERR_CLOSED: 'The dispatcher was closed by its owner.',
  UND_ERR_DESTROYED: 'The dispatcher was closed by its owner.',
};
