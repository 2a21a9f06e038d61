import { tracingChannel } from 'node:diagnostics_channel';

/**
 * What subscribers of the tracing channel `rufus-client:call` are given: one object per call, however many attempts it makes.
 *
 * @example
 * tracingChannel<unknown, CallTrace>('rufus-client:call').asyncEnd.subscribe((message) => {
 *   const { operation, attempts } = message as CallTrace;
 *   metrics.count(operation, attempts);
 * });
 */
export interface CallTrace {
  /** Such as `passings.insert`. */
  operation: string;
  /** Of the request: `GET`, `POST`, … */
  method: string;
  /** The path with its token shortened. */
  path: string;
  /** Set when the call has ended. */
  attempts?: number;
  /** HTTP status of the answer; absent where the call failed. */
  status?: number | undefined;
  /** What the call was rejected with, never with a secret in it. */
  error?: unknown;
}

const channel = tracingChannel<CallTrace>('rufus-client:call');

/** Publishes the call, if anybody listens. The result is kept out of the trace: it may hold a token. */
export async function traced<T extends { response: { status: number } }>(
  call: { shown(): { operation: string; method: string; path: string }; attempt: number },
  run: () => Promise<T>,
): Promise<T> {
  if (!channel.hasSubscribers) return run();
  const { operation, method, path } = call.shown();
  const trace: CallTrace = { operation, method, path };
  let finished: T | undefined;
  await channel.tracePromise(async () => {
    try {
      finished = await run();
      trace.status = finished.response.status;
    } finally {
      trace.attempts = call.attempt;
    }
  }, trace);
  return finished as T;
}
