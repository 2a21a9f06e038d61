import { tracingChannel } from 'node:diagnostics_channel';
import type { CallTrace, RawResponse, ResponseMeta } from '../types.js';
import { pause } from './abort.js';
import type { Connections } from './connections.js';
import { abortError, type CallState, type Failure, failureOf, maybeProcessed, timeoutError } from './failure.js';
import type { Log } from './log.js';
import type { EncodedInput, Endpoint, Finished, Operation } from './operation.js';
import type { CallSettings, Settings } from './options.js';
import { outcomeOf } from './outcome.js';
import { redact, shorten, shownId } from './redact.js';
import { mayRepeat, pauseBefore } from './retry.js';
import { Sender } from './sender.js';
import { queryString } from './validation/parameters.js';
import { readContext } from './validation/responses.js';
import { openWire } from './wire/agent.js';
import { Answer } from './wire/answer.js';
import { TransportFailure } from './wire/flight.js';

/** What the transport hands over of a call. */
export interface CallRequest {
  readonly input: EncodedInput;
  readonly settings: CallSettings;
  readonly signal: AbortSignal | undefined;
  /** By performance.now(): when the caller made it. */
  readonly startedAt: number;
}

/** Executes calls: attempts and pauses, until there is a result or nothing left to try. */
export class Executor {
  readonly #settings: Settings;
  readonly #sender: Sender;
  readonly #log: Log;

  constructor(settings: Settings, connections: Connections, log: Log) {
    this.#settings = settings;
    this.#sender = new Sender(settings, connections.wire(openWire));
    this.#log = log;
  }

  run<T>(operation: Operation<never, T>, request: CallRequest): Promise<Finished<T>> {
    const call = new Call(operation, this.#settings, request);
    return traced(call, () => this.#attempts(operation, call));
  }

  async #attempts<T>(operation: Operation<never, T>, call: Call): Promise<Finished<T>> {
    const context = readContext(call.settings.validation, (field, expected) =>
      this.#log.drift(operation.name, field, expected),
    );
    const { retry } = call.settings;
    for (;;) {
      if (call.signal?.aborted) throw abortError(call, false);
      const limit = call.nextLimit();
      if (limit.ms <= 0) throw timeoutError(call, 'totalTimeoutMs', false);
      call.attempt++;
      const answer = await this.#sender.attempt(call, call, limit, (key) => call.secrets.push(key));
      const outcome =
        answer instanceof TransportFailure ? failureOf(answer, call) : outcomeOf(operation, answer, context, call);
      this.#logAttempt(call, answer, limit.startedMs);
      if ('data' in outcome) {
        return { data: outcome.data, response: new Meta(answer as RawResponse, call, outcome.description) };
      }
      call.maybeProcessed = maybeProcessed(call, outcome.tookEffect);
      if (call.attempt > retry.maxRetries || !mayRepeat(outcome.kind, operation.repeat)) throw outcome.error;
      if ((outcome.retryAfterMs ?? 0) > retry.maxRetryAfterMs) throw outcome.error;
      const delayMs = pauseBefore(call.attempt - 1, retry, outcome.retryAfterMs);
      if (delayMs >= call.remainingMs()) throw outcome.error;
      this.#logRetry(call, outcome, delayMs);
      if (!(await pause(delayMs, call.signal))) throw abortError(call, false);
    }
  }

  #logAttempt(call: Call, answer: RawResponse | TransportFailure, startedMs: number): void {
    if (!this.#log.allows('debug')) return;
    const durationMs = Math.round(call.elapsedMs() - startedMs);
    const result =
      answer instanceof TransportFailure
        ? { code: answer.why }
        : { status: answer.status, requestId: shownId(answer.requestId, call.secrets) };
    this.#log.write('debug', 'attempt', { ...call.shown(), ...result, durationMs });
  }

  #logRetry(call: Call, { error }: Failure, delayMs: number): void {
    if (!this.#log.allows('info')) return;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    this.#log.write('info', 'retry', { ...call.shown(), code, delayMs: Math.round(delayMs) });
  }
}

const PLACEHOLDER = /\{\w+\}/;

/** One call from its first attempt to its last. */
class Call implements CallState {
  readonly operation: Endpoint;
  readonly id: string;
  readonly path: string;
  readonly origin: string;
  readonly body: string | null;
  readonly settings: CallSettings;
  readonly maxResponseBytes: number;
  readonly signal: AbortSignal | undefined;
  readonly secrets: string[];
  attempt = 0;
  maybeProcessed = false;
  readonly #startedAt: number;

  constructor(operation: Endpoint, client: Settings, { input, settings, signal, startedAt }: CallRequest) {
    const id = input.id ?? '';
    this.operation = operation;
    this.id = id;
    const query = input.query === undefined ? '' : queryString(input.query);
    this.path = `${client.basePath}${operation.path.replace(PLACEHOLDER, () => encodeURIComponent(id))}${query}`;
    this.origin = client.origin;
    this.body = input.body ?? null;
    this.settings = settings;
    this.maxResponseBytes = client.maxResponseBytes;
    this.signal = signal;
    this.#startedAt = startedAt;
    this.secrets = [...(input.secrets ?? [])];
    if (id !== '') this.secrets.push(id);
    if (typeof client.apiKey === 'string') this.secrets.push(client.apiKey);
  }

  get shownPath(): string {
    return redact(this.operation.path.replace(PLACEHOLDER, () => shorten(this.id)));
  }

  elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  remainingMs(): number {
    return this.settings.totalTimeoutMs - this.elapsedMs();
  }

  /** The clock of the next attempt, which starts now, and what it means when it runs out. */
  nextLimit(): { startedMs: number; ms: number; why: 'timeout' | 'budget' } {
    const { timeoutMs, totalTimeoutMs } = this.settings;
    const startedMs = this.elapsedMs();
    const remaining = totalTimeoutMs - startedMs;
    return remaining < timeoutMs
      ? { startedMs, ms: remaining, why: 'budget' }
      : { startedMs, ms: timeoutMs, why: 'timeout' };
  }

  /** For logs and traces. */
  shown(): { operation: string; method: string; path: string; attempt: number } {
    return {
      operation: this.operation.name,
      method: this.operation.method,
      path: this.shownPath,
      attempt: this.attempt,
    };
  }
}

class Meta implements ResponseMeta {
  readonly status: number;
  readonly attempts: number;
  readonly durationMs: number;
  readonly description: string | undefined;
  readonly #head: Pick<RawResponse, 'headers' | 'requestId'>;

  constructor(answer: RawResponse, call: Call, description: string | undefined) {
    this.status = answer.status;
    this.attempts = call.attempt;
    this.durationMs = call.elapsedMs();
    this.description = description;
    this.#head = answer instanceof Answer ? answer.head : answer;
  }

  get headers(): Headers {
    return this.#head.headers;
  }

  get requestId(): string | undefined {
    return this.#head.requestId;
  }
}

const channel = tracingChannel<CallTrace>('rufus-client:call');

/** Publishes the call, if anybody listens. The result is kept out of the trace: it may hold a token. */
async function traced<T>(call: Call, run: () => Promise<Finished<T>>): Promise<Finished<T>> {
  if (!channel.hasSubscribers) return run();
  const { operation, method, path } = call.shown();
  const trace: CallTrace = { operation, method, path };
  let finished: Finished<T> | undefined;
  await channel.tracePromise(async () => {
    try {
      finished = await run();
      trace.status = finished.response.status;
    } finally {
      trace.attempts = call.attempt;
    }
  }, trace);
  return finished as Finished<T>;
}
