import { tracingChannel } from 'node:diagnostics_channel';

/** What subscribers of the tracing channel `rufus-client:call` are given: one a call, however many attempts it makes. */
export interface CallTrace {
  operation: string;
  method: string;
  /** The path with its token shortened. */
  path: string;
  /** Set when the call has ended. */
  attempts?: number;
  status?: number | undefined;
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
