// Every error class, met once, with what to do about it: npx tsx examples/errors.ts
// Faults are made to order, so it always runs on a sandbox.
import {
  AuthenticationError,
  BadRequestError,
  ConflictError,
  NotFoundError,
  type PassingInput,
  PayloadTooLargeError,
  PermissionDeniedError,
  RateLimitError,
  RufusAbortError,
  RufusAPIError,
  RufusClient,
  RufusConfigError,
  RufusConnectionError,
  RufusError,
  RufusRequestValidationError,
  RufusResponseValidationError,
  RufusTimeoutError,
  ServerError,
} from 'rufus-client';
import { Sandbox } from 'rufus-client/testing';

const sandbox = new Sandbox();
// Without retries, so that each failure shows itself at once.
await using client = new RufusClient({
  apiKey: sandbox.keys.readWrite,
  dispatcher: sandbox.dispatcher,
  retry: false,
  logLevel: 'off',
});
const reader = { type: 'reader', model: 'R1', serial_number: 'errors-1' };
const { deviceid } = await client.devices.bind(reader);
const { token_session } = await client.sessions.create({ deviceid });
const passing: PassingInput = { num_passing: 1, bib: '17', timestamp: new Date() };
const insert = () => client.passings.insert(token_session, [passing]);

/** From the particular to the general, as an `instanceof` chain must be. */
function whatToDo(error: RufusError): string {
  if (error instanceof RufusConfigError) return 'Mend the options: nothing was sent.';
  if (error instanceof RufusRequestValidationError)
    return `Mend the data at ${error.issues[0]?.path.join('.')}: nothing was sent.`;
  if (error instanceof RufusAbortError) return 'Your own signal ended it.';
  if (error instanceof RufusTimeoutError) return `No answer within ${error.timeoutMs} ms: try again later.`;
  if (error instanceof RufusConnectionError) return 'The network failed: try again later.';
  if (error instanceof RufusResponseValidationError) return 'Something else answered: look for a captive portal.';
  if (error instanceof BadRequestError) return 'The server finds the request wrong: read its description.';
  if (error instanceof AuthenticationError) return 'The key is missing or unknown.';
  if (error instanceof PermissionDeniedError) return 'The key may not do this: ask for another access type.';
  if (error instanceof NotFoundError) return 'No such device or session, or the session is closed.';
  if (error instanceof ConflictError) return `Bound already, as ${error.deviceid?.slice(0, 8)}…: use ensureBound.`;
  if (error instanceof PayloadTooLargeError) return 'Send fewer at once: insertMany finds a size that fits.';
  if (error instanceof RateLimitError) return `Wait ${(error.retryAfterMs ?? 0) / 1000} s.`;
  if (error instanceof ServerError) return 'The server failed: try again later.';
  if (error instanceof RufusAPIError) return `An answer nobody expects, ${error.status}: report it.`;
  return 'A bug of this library.';
}

async function meet(provoke: () => unknown): Promise<void> {
  try {
    await provoke();
    throw new Error('no error was met');
  } catch (error) {
    if (!(error instanceof RufusError)) throw error;
    console.log(`${error.name} (${error.code})\n  ${error.message}\n  → ${whatToDo(error)}`);
    if (error.requestMaybeProcessed) console.log('  → It may have taken effect all the same.');
    console.log();
  }
}

await meet(() => new RufusClient({ apiKey: 'a key with blanks' }));
await meet(() => client.passings.insert(token_session, [{ ...passing, timestamp: '2026-05-03 11:00' }]));
await meet(() => client.devices.get(deviceid, { signal: AbortSignal.abort() }));

sandbox.fault({ kind: 'hang' });
await meet(() => client.devices.get(deviceid, { timeoutMs: 200 }));
sandbox.fault({ kind: 'reset-after', on: 'POST /passings' });
await meet(insert);
sandbox.fault({ kind: 'html' });
await meet(() => client.devices.get(deviceid));

sandbox.fault({ kind: 'status', status: 400 });
await meet(insert);
sandbox.fault({ kind: 'status', status: 401 });
await meet(insert);
await meet(() => client.withOptions({ apiKey: sandbox.keys.read }).passings.insert(token_session, [passing]));
await meet(() => client.devices.get('NO-SUCH-DEVICE'));
await meet(() => client.devices.bind(reader));
sandbox.fault({ kind: 'status', status: 413 });
await meet(insert);
sandbox.fault({ kind: 'status', status: 429, headers: { 'retry-after': '120' } });
await meet(insert);
sandbox.fault({ kind: 'status', status: 503 });
await meet(insert);
sandbox.fault({ kind: 'status', status: 418 });
await meet(insert);
