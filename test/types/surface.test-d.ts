// What users may write and what they may not. Nothing here runs: `npm run typecheck` reads it.
import {
  ConflictError,
  type DispatcherLike,
  type Logger,
  type Middleware,
  NotFoundError,
  type Page,
  type Passing,
  type PassingInput,
  type ResponseMeta,
  RufusAPIError,
  RufusClient,
  RufusConnectionError,
  RufusError,
  RufusRequestValidationError,
  RufusTimeoutError,
  type Session,
} from 'rufus-client';
import { type NewPassing, type Outbox, OutboxFullError, openOutbox, type ParkedPassing } from 'rufus-client/outbox';
import { Passing as PassingSchema } from 'rufus-client/schemas';
import { mswDispatcher, Sandbox } from 'rufus-client/testing';
import { Agent, MockAgent, ProxyAgent, RetryAgent } from 'undici';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Fails to compile unless the value has exactly this type. */
function isExactly<Expected>() {
  return <Actual>(_value: Actual, ..._same: Same<Expected, Actual> extends true ? [] : [never]): void => {};
}

declare const client: RufusClient;
declare const outbox: Outbox;
declare const signal: AbortSignal;
const timestamp = new Date();

// @ts-expect-error - which holds these tests themselves
isExactly<number | undefined>()(1 as number);

export function clientOptions(): void {
  new RufusClient();
  new RufusClient({ apiKey: 'ror-00000000000000000000', timeoutMs: 5_000, totalTimeoutMs: Number.POSITIVE_INFINITY });
  new RufusClient({ apiKey: () => 'key' });
  new RufusClient({ apiKey: async () => 'key', authHeader: 'api_key', baseUrl: new URL('https://example.org/v0') });
  new RufusClient({ retry: false, validation: 'strict', logLevel: 'off', logger: console });
  new RufusClient({ retry: { maxRetries: 5 }, headers: { 'x-team': 'finish', 'user-agent': null } });
  new RufusClient({ proxy: 'env', connections: 4, appInfo: { name: 'board' } });
  // A variable that may be undefined is as good as no option, also under exactOptionalPropertyTypes.
  new RufusClient({ apiKey: process.env.RUFUS_API_KEY, timeoutMs: undefined, retry: undefined });
  client.withOptions({ timeoutMs: 1_000 });

  // @ts-expect-error - the key is an option
  new RufusClient('ror-00000000000000000000');
  // @ts-expect-error - a typo
  new RufusClient({ apikey: 'ror-00000000000000000000' });
  // @ts-expect-error - the unit is in the name
  new RufusClient({ timeout: 5_000 });
  // @ts-expect-error - a number of milliseconds
  new RufusClient({ timeoutMs: '5s' });
  // @ts-expect-error - options, or false for none
  new RufusClient({ retry: true });
  // @ts-expect-error - not a number either
  new RufusClient({ retry: 3 });
  // @ts-expect-error - a typo in a nested field
  new RufusClient({ retry: { retries: 3 } });
  // @ts-expect-error - not a mode
  new RufusClient({ validation: 'loose' });
  // @ts-expect-error - not a level
  new RufusClient({ logLevel: 'trace' });
  // @ts-expect-error - not one of the API's two headers
  new RufusClient({ authHeader: 'authorization' });
  // @ts-expect-error - a signal belongs to a call
  new RufusClient({ signal });
  // @ts-expect-error - a logger has four methods
  new RufusClient({ logger: { warn() {} } });
  // @ts-expect-error - a whole list
  new RufusClient({ middleware: async (context, next) => next(context) });
  // @ts-expect-error - a name is needed
  new RufusClient({ appInfo: { version: '1' } });
}

export function inserts(token_session: string): void {
  const passing: PassingInput = { num_passing: 1, bib: '7', timestamp };
  isExactly<Promise<number | undefined>>()(
    client.passings.insert(token_session, [passing]).then((receipt) => receipt.inserted_count),
  );
  client.passings.insert(token_session, [
    { ...passing, timestamp: '2026-05-03T08:00:00Z', chip: null, latitude: 41.4 },
  ]);
  client.passings.insert(token_session, [passing] as const, { signal, timeoutMs: 1_000, retry: false });
  client.passings.insertMany(token_session, new Set([passing]), { batchSize: 100, onProgress: ({ sent }) => sent });
  client.passings.insertMany(
    token_session,
    (async function* () {
      yield passing;
    })(),
  );

  // @ts-expect-error - the session comes first
  client.passings.insert([passing]);
  // @ts-expect-error - a list
  client.passings.insert(token_session, passing);
  // @ts-expect-error - num_passing is missing
  client.passings.insert(token_session, [{ bib: '7', timestamp }]);
  // @ts-expect-error - bib is missing
  client.passings.insert(token_session, [{ num_passing: 1, timestamp }]);
  // @ts-expect-error - timestamp is missing
  client.passings.insert(token_session, [{ num_passing: 1, bib: '7' }]);
  // @ts-expect-error - a bib is text
  client.passings.insert(token_session, [{ num_passing: 1, bib: 7, timestamp }]);
  // @ts-expect-error - a number is no text
  client.passings.insert(token_session, [{ num_passing: '1', bib: '7', timestamp }]);
  // @ts-expect-error - not milliseconds since 1970
  client.passings.insert(token_session, [{ num_passing: 1, bib: '7', timestamp: Date.now() }]);
  // @ts-expect-error - the field is `chip`
  client.passings.insert(token_session, [{ num_passing: 1, bib: '7', timestamp, chips: 'A1' }]);
  // @ts-expect-error - coordinates are sent as numbers
  client.passings.insert(token_session, [{ num_passing: 1, bib: '7', timestamp, latitude: '41.4' }]);
  // @ts-expect-error - wire names are snake_case
  client.passings.insert(token_session, [{ numPassing: 1, bib: '7', timestamp }]);
  // @ts-expect-error - what is read is not what is sent: `token_session` is no field of a passing to send
  client.passings.insert(token_session, [{ num_passing: 1, bib: '7', timestamp, token_session }]);
  // @ts-expect-error - an option of insertMany
  client.passings.insert(token_session, [passing], { batchSize: 100 });
  // @ts-expect-error - a source can be iterated
  client.passings.insertMany(token_session, passing);
  // @ts-expect-error - an unknown option
  client.passings.insertMany(token_session, [passing], { concurrency: 4 });
}

export async function reads(token_session: string, deviceid: string): Promise<void> {
  isExactly<Page<Passing>>()(await client.passings.listBySession(token_session));
  isExactly<Passing[]>()(await client.passings.listBySession(token_session).toArray({ limit: 10 }));
  for await (const passing of client.passings.listBySession(token_session, { first: 1, last: 9, prefetch: 4 })) {
    isExactly<Passing>()(passing);
    isExactly<number | null | undefined>()(passing.latitude);
  }
  for await (const page of client.devices.list({ limit: 100 }).pages()) isExactly<ResponseMeta>()(page.response);
  isExactly<Session | null>()(await client.sessions.getActive(deviceid));
  isExactly<{ data: Session; response: ResponseMeta }>()(await client.sessions.get(token_session).withResponse());
  isExactly<unknown>()(await client.request('GET', '/participants', { query: { page: 1 } }));
  client.passings.listByDevice(deviceid, { from: timestamp, to: '2026-05-03T09:00:00Z' });
  client.passings.poll(deviceid, { token_session, last: 42 });

  // @ts-expect-error - a page is a number
  client.passings.listBySession(token_session, { page: '1' });
  // @ts-expect-error - a range of numbers
  client.passings.listBySession(token_session, { first: timestamp });
  // @ts-expect-error - times belong to a device
  client.passings.listBySession(token_session, { from: timestamp });
  // @ts-expect-error - this list has no limit of its own
  client.passings.listBySession(token_session, { limit: 10 });
  // @ts-expect-error - how many there may be has to be said
  client.passings.listBySession(token_session).toArray();
  // @ts-expect-error - options come after the query
  client.devices.list({ timeoutMs: 1_000 });
  // @ts-expect-error - an unknown option
  client.devices.get(deviceid, { timeout: 1_000 });
  // @ts-expect-error - a list is not a promise of one answer
  client.devices.list().withResponse();
  // @ts-expect-error - what one device is called, not an object
  client.devices.get({ deviceid });
  // @ts-expect-error - null: there may be no active session
  (await client.sessions.getActive(deviceid)).token_session;
  // @ts-expect-error - a page cannot be changed
  (await client.devices.list()).items.push({ deviceid });
  // @ts-expect-error - type is missing
  client.devices.bind({ model: 'R1', serial_number: '42' });
  // @ts-expect-error - a typo
  client.sessions.create({ deviceId: deviceid });
  // @ts-expect-error - a session is of a device
  client.sessions.create({ alias: 'Finish' });
  // @ts-expect-error - the modules are not to be replaced
  client.devices = new RufusClient().devices;
}

export function errors(error: unknown): void {
  if (error instanceof RufusError) isExactly<string | undefined>()(error.operation);
  // @ts-expect-error - only an answer has a status
  if (error instanceof RufusConnectionError) error.status;
  if (error instanceof ConflictError) isExactly<string | undefined>()(error.deviceid);
  // @ts-expect-error - of a conflict only
  if (error instanceof NotFoundError) error.deviceid;
  if (error instanceof RufusAPIError) isExactly<unknown>()(error.body);
  // @ts-expect-error - unknown: to be looked at before it is used
  if (error instanceof RufusAPIError) error.body.description;
  if (error instanceof RufusTimeoutError) isExactly<number>()(error.timeoutMs);
  if (error instanceof RufusRequestValidationError) isExactly<string | number | undefined>()(error.issues[0]?.path[0]);
  // @ts-expect-error - an error says what was
  if (error instanceof RufusError) error.attempts = 2;
}

export function seams(): void {
  const dispatchers: DispatcherLike[] = [
    new Agent(),
    new ProxyAgent('http://127.0.0.1:1'),
    new RetryAgent(new Agent()),
    new MockAgent(),
    new Agent().compose((dispatch) => dispatch),
    new Sandbox().dispatcher,
    mswDispatcher(...new Sandbox().handlers),
  ];
  new RufusClient({ dispatcher: dispatchers[0] });
  // @ts-expect-error - undici's own, not a URL
  new RufusClient({ dispatcher: 'http://127.0.0.1:1' });
  // @ts-expect-error - fetch is no dispatcher
  new RufusClient({ dispatcher: fetch });

  const middleware: Middleware = (context, next) => next({ ...context, headers: { ...context.headers, 'x-a': '1' } });
  const logger: Logger = console;
  new RufusClient({ middleware: [middleware], logger });
  const renaming: Middleware = (context, next) => {
    // @ts-expect-error - what an attempt is cannot be changed in place
    context.operation = 'renamed';
    return next(context);
  };
  // @ts-expect-error - an attempt has an answer
  const silent: Middleware = async () => {};
  void [renaming, silent];
}

export async function outboxes(deviceid: string, token_session: string): Promise<void> {
  const directory = 'outbox';
  isExactly<Outbox>()(await openOutbox({ client, directory, session: { token_session } }));
  openOutbox({ client, directory, session: { token_session, startAt: 100 }, durability: 'os', probeMs: 1_000 });
  openOutbox({ client, directory, session: { deviceid, open: 'active-or-new', alias: 'Finish' } });
  const passing: NewPassing = { bib: '7', timestamp };
  isExactly<string>()((await outbox.append(passing)).token_session);
  isExactly<number>()((await outbox.append([passing], { source: { name: 'mat', position: 42 } })).length);
  outbox.on('delivered', ({ count }) => isExactly<number>()(count)).on('state', (state) => state === 'blocked');
  for await (const parked of outbox.parked()) isExactly<ParkedPassing>()(parked);
  isExactly<{ pending: number; parked: number }>()(await outbox.close({ drainMs: 1_000 }));

  // @ts-expect-error - the folder is needed
  openOutbox({ client, session: { token_session } });
  // @ts-expect-error - which session is meant
  openOutbox({ client, directory });
  // @ts-expect-error - how it is opened has to be said
  openOutbox({ client, directory, session: { deviceid } });
  // @ts-expect-error - not a way to open it
  openOutbox({ client, directory, session: { deviceid, open: 'active' } });
  // @ts-expect-error - not a policy: nothing is dropped
  openOutbox({ client, directory, session: { token_session }, onSessionClosed: 'drop' });
  // @ts-expect-error - the unit is in the name
  openOutbox({ client, directory, session: { token_session }, batch: { linger: 50 } });
  // @ts-expect-error - the outbox numbers
  outbox.append({ num_passing: 1, bib: '7', timestamp });
  // @ts-expect-error - a bib is text
  outbox.append({ bib: 7, timestamp });
  // @ts-expect-error - a source goes with a list
  outbox.append(passing, { source: { name: 'mat', position: 42 } });
  // @ts-expect-error - no such event
  outbox.on('deliver', () => {});
  isExactly<Promise<{ sent: number; skipped: readonly { token_session: string; count: number }[] }>>()(
    outbox.rewind({ from: timestamp, to: timestamp }),
  );
  outbox.switchSession({ deviceid, open: 'new' }, { signal: AbortSignal.timeout(1), timeoutMs: 60_000 });
  // @ts-expect-error - the unit is in the name
  outbox.switchSession({ token_session }, { timeout: 60_000 });
  // @ts-expect-error - both ends
  outbox.rewind({ from: timestamp });
  // @ts-expect-error - not a format
  outbox.exportTo('backup.xml', { format: 'xml' });
  // @ts-expect-error - not by hand
  outbox.token_session = token_session;
}

export function outboxErrors(error: unknown): void {
  if (error instanceof OutboxFullError) isExactly<number | undefined>()(error.freeBytes);
  if (error instanceof OutboxFullError) isExactly<string>()(error.code);
}

export function testing(): void {
  const sandbox = new Sandbox({ envelope: 'flat', pageSize: 10 });
  sandbox.fault({ kind: 'status', status: 429, on: 'POST /passings', headers: { 'retry-after': '1' } });
  isExactly<Promise<string>>()(sandbox.listen().then(({ url }) => url));
  isExactly<readonly Passing[]>()(sandbox.state.passings('token'));
  isExactly<string>()(PassingSchema.parse({}).bib);

  // @ts-expect-error - a typo
  new Sandbox({ pagesize: 10 });
  // @ts-expect-error - not a dialect
  new Sandbox({ envelope: 'wrapped' });
  // @ts-expect-error - a fault has a kind
  sandbox.fault({ status: 500 });
  // @ts-expect-error - no such kind
  sandbox.fault({ kind: 'timeout' });
  // @ts-expect-error - to look at, not to change
  sandbox.state.devices.push({ deviceid: 'D1' });
  // @ts-expect-error - no such key
  sandbox.keys.writeOnly;
}
