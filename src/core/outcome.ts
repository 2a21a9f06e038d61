import type { Issue, RawResponse } from '../types.js';
import { apiError, RufusResponseValidationError } from './errors.js';
import { type CallState, type Failure, facts, sentence } from './failure.js';
import type { Endpoint, Operation } from './operation.js';
import { descriptionOf, isRecord, openEnvelope, type ReadContext, SchemaMismatch } from './payload.js';
import { redact, shownId } from './redact.js';
import { kindOfStatus, mayHaveTakenEffect, parseRetryAfter } from './retry.js';
import { summaryOf } from './validation/issues.js';

/** What an answer comes to: data, or a failure that may be worth another attempt. */
export type Outcome<T> = { readonly data: T; readonly description: string | undefined } | Failure;

/** Success is 2xx and JSON and a body that the API description accepts. A captive portal says 200, too. */
export function outcomeOf<T>(
  operation: Operation<never, T>,
  answer: RawResponse,
  context: ReadContext,
  call: CallState,
): Outcome<T> {
  const { status } = answer;
  if (status < 200 || status > 299) return errorAnswer(operation, answer, call);
  if (operation.mayBeEmpty && answer.text === '') {
    return { data: operation.read(undefined, context), description: undefined };
  }
  let parsed: unknown;
  try {
    parsed = answer.json();
  } catch {
    const message = `expected JSON, got ${looksLike(answer)}`;
    return unusable(call, answer, 'unreadable', [{ path: [], message }]);
  }
  const payload = openEnvelope(parsed);
  try {
    return { data: operation.read(payload, context), description: descriptionOf(payload) };
  } catch (error) {
    if (!(error instanceof SchemaMismatch)) throw error;
    return unusable(call, answer, 'mismatch', error.issues);
  }
}

function errorAnswer<T>(operation: Operation<never, T>, answer: RawResponse, call: CallState): Outcome<T> {
  const { status, text } = answer;
  const parsed = parseOr(text);
  const isJson = typeof parsed !== 'string';
  const body = openEnvelope(parsed);
  const description = descriptionOf(body, (words) => redact(words, call.secrets));
  const requestId = shownId(answer.requestId, call.secrets);
  const { id, maybeProcessed } = call;
  const meaning = operation.interpret?.({ status, body, isJson, id, maybeProcessed });
  if (meaning !== undefined) return { data: meaning, description };
  const retryAfter = answer.headers.get('retry-after');
  const retryAfterMs = parseRetryAfter(retryAfter, Date.now());
  const kind = kindOfStatus(status, retryAfterMs !== undefined);
  const words = description === undefined ? '' : ` "${description}"`;
  const tookEffect = mayHaveTakenEffect(kind) || (kind === 'final' && status >= 500);
  const error = apiError(
    sentence(
      call,
      `answered ${status}${words}`,
      requestId,
      advice(operation, { status, isJson, body, description, retryAfterMs, secrets: call.secrets }),
      tookEffect,
    ),
    {
      ...facts(call, tookEffect),
      status,
      requestId,
      description,
      body,
      headers: answer.headers,
      retryAfterMs,
    },
  );
  return { error, kind, tookEffect, retryAfterMs };
}

function unusable(
  call: CallState,
  answer: RawResponse,
  kind: 'unreadable' | 'mismatch',
  issues: readonly Issue[],
): Failure {
  const what = `answered ${answer.status}, but not as the API does: ${redact(summaryOf(issues), call.secrets)}`;
  const hint =
    kind === 'unreadable'
      ? 'A captive portal, a proxy or a wrong base URL may have answered in place of the API.'
      : 'The base URL may be wrong, or the API has changed.';
  const requestId = shownId(answer.requestId, call.secrets);
  const error = new RufusResponseValidationError(sentence(call, what, requestId, hint, true), {
    ...facts(call, true),
    // A SyntaxError of JSON.parse quotes the text it failed on, and that may hold a token.
    cause: kind === 'unreadable' ? new Error('JSON.parse failed') : undefined,
    issues,
    status: answer.status,
  });
  return { error, kind, tookEffect: true, retryAfterMs: undefined };
}

interface Said {
  readonly status: number;
  readonly isJson: boolean;
  readonly body: unknown;
  readonly description: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly secrets: readonly string[];
}

/** What the caller can do about it. */
function advice({ name, access }: Endpoint, said: Said): string {
  const { status, isJson, body, description, retryAfterMs, secrets } = said;
  if (status === 409 && name.startsWith('devices.')) return boundAs(body);
  // Who stands between and refuses by itself knows best what helps.
  if (isRecord(body) && typeof body.advice === 'string') return redact(body.advice, secrets);
  if (status === 401 || status === 403) return keyAdvice(access, status, description);
  if (status === 413) return 'Send fewer passings at once; insertMany finds a size that fits.';
  if (status === 404 && !isJson) return 'This is no answer of the API: check the base URL.';
  if (status >= 300 && status < 400) return 'Redirects are not followed, the key would travel: check the base URL.';
  if (retryAfterMs !== undefined) return `The server asks to wait ${Math.ceil(retryAfterMs / 1000)} s.`;
  return '';
}

/** What the API answers to a key it does not know, 401 or 403, is not documented: its own words decide, where it has some. */
function keyAdvice(access: string, status: number, description = ''): string {
  if (status === 401 || /unknown|missing|invalid/i.test(description)) {
    return 'The API does not know the key: check `apiKey`, or RUFUS_API_KEY.';
  }
  return `The API does not know the key, or the key may not do this: it takes ${access}.`;
}

/** Which device it is, and how to go on with it. */
function boundAs(body: unknown): string {
  const deviceid = isRecord(body) ? body.deviceid : undefined;
  return typeof deviceid === 'string' && deviceid !== ''
    ? `The device is bound already, as ${deviceid.slice(0, 128)}: use devices.ensureBound, which takes that for an answer.`
    : 'The device is bound already, but the answer does not name it: look for its serial_number in devices.list.';
}

function parseOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text === '' ? undefined : text;
  }
}

function looksLikeMarkup(text: string): boolean {
  return /^\s*</.test(text);
}

function looksLike(answer: RawResponse): string {
  if (answer.text.trim() === '') return 'an empty body';
  return looksLikeMarkup(answer.text) ? 'HTML' : 'something else';
}
