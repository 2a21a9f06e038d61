// One trace of a batch of passings, its attempts in it: npm run examples:operations, then npx tsx examples/operations/opentelemetry.ts
import {
  ConsoleSpanExporter,
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { RufusClient } from 'rufus-client';
import { Sandbox } from 'rufus-client/testing';
import { attemptsBelowCall, instrument } from './tracing.js';

const memory = new InMemorySpanExporter();
const provider = new NodeTracerProvider({
  spanProcessors: [new SimpleSpanProcessor(memory), new SimpleSpanProcessor(new ConsoleSpanExporter())],
});
provider.register();

const sandbox = new Sandbox();
const server = await sandbox.listen(); // over HTTP: what is traced are real requests
const client = new RufusClient({
  apiKey: sandbox.keys.readWrite,
  baseUrl: server.url,
  middleware: [attemptsBelowCall],
});
const { deviceid } = await client.devices.bind({ type: 'reader', model: 'R1', serial_number: 'otel-1' });
const { token_session } = await client.sessions.create({ deviceid });

instrument();
sandbox.fault({ kind: 'status', status: 503, on: 'POST /passings' });
const passings = Array.from({ length: 100 }, (_, index) => ({
  num_passing: index + 1,
  bib: String(index + 1),
  timestamp: new Date(),
}));
await client.passings.insert(token_session, passings, { retry: { baseDelayMs: 50 } });
await client.passings.listBySession(token_session);

await client.close();
await server.close();
await provider.forceFlush();

const spans = memory.getFinishedSpans();
const millis = ([seconds, nanos]: readonly [number, number]) => seconds * 1_000 + nanos / 1_000_000;
for (const call of spans.filter(({ parentSpanContext }) => parentSpanContext === undefined)) {
  console.log(`\ntrace ${call.spanContext().traceId}`);
  const attempts = spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === call.spanContext().spanId);
  for (const span of [call, ...attempts]) {
    const offset = Math.round(millis(span.startTime) - millis(call.startTime));
    const status = span.attributes['http.response.status_code'];
    const title = `${span === call ? '' : '  '}${span.name} ${span.attributes['url.path'] ?? ''}`.trimEnd();
    console.log(`${title}: ${status}, from ${offset} ms on, for ${Math.round(millis(span.duration))} ms`);
  }
}
await provider.shutdown();
