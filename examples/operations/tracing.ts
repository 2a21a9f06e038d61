import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import type { CallTrace, Middleware } from 'rufus-client';

const spans = new WeakMap<CallTrace, Span>();
const underWay = new AsyncLocalStorage<Span>();

/** A span a call, by the tracing channel, and below it a span an attempt, by OpenTelemetry's undici instrumentation. */
export function instrument(): void {
  const tracer = trace.getTracer('rufus-client');
  const calls = tracingChannel<Span, CallTrace>('rufus-client:call');
  calls.start.bindStore(underWay, (call) => {
    const attributes = { 'http.request.method': call.method, 'url.path': call.path };
    const span = tracer.startSpan(`rufus ${call.operation}`, { kind: SpanKind.INTERNAL, attributes });
    spans.set(call, span);
    return span;
  });
  calls.asyncEnd.subscribe((message) => {
    const call = message as CallTrace;
    const span = spans.get(call);
    if (call.attempts !== undefined) span?.setAttribute('rufus.attempts', call.attempts);
    if (call.status !== undefined) span?.setAttribute('http.response.status_code', call.status);
    if (call.error instanceof Error) {
      span?.recordException(call.error);
      span?.setStatus({ code: SpanStatusCode.ERROR, message: call.error.message });
    }
    span?.end();
  });

  registerInstrumentations({
    instrumentations: [
      new UndiciInstrumentation({
        // The instrumentation writes whole addresses, and those of this API may hold a session's token.
        requestHook: (span, { origin, path }) => {
          const [pathname, query] = path.split('?').map(withoutTokens);
          span.setAttributes({
            'url.full': `${origin}${withoutTokens(path)}`,
            'url.path': pathname!,
            'url.query': query ?? '',
          });
        },
      }),
    ],
  });
}

const withoutTokens = (path: string) => path.replace(/[\w-]{17,}/g, (token) => `${token.slice(0, 8)}…`);

/** Puts the attempts below their call. Give it to the client as the last of its middleware. */
export const attemptsBelowCall: Middleware = (attempt, next) => {
  const span = underWay.getStore();
  return span === undefined ? next(attempt) : context.with(trace.setSpan(context.active(), span), () => next(attempt));
};
