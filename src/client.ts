import { type ConnectionOptions, Connections } from './core/connections.js';
import { RufusConfigError } from './core/errors.js';
import { attachLog } from './core/log.js';
import type { Operation } from './core/operation.js';
import { asObject, headerOptions, resolveOptions } from './core/options.js';
import { callOptionsOf, type RawRequestOptions, rawOperation } from './core/raw-request.js';
import { Transport } from './core/transport.js';
import { attachWarmUp } from './core/warm-up.js';
import type { Wire } from './core/wire/flight.js';
import { DevicesModule } from './resources/devices.js';
import { EventsModule } from './resources/events.js';
import { PassingsModule } from './resources/passings.js';
import { SessionsModule } from './resources/sessions.js';
import type {
  Devices,
  Events,
  Passings,
  RequestOptions,
  RequestPromise,
  RufusClientOptions,
  Sessions,
} from './types.js';
import { VERSION } from './version.js';

const CONNECTION_OPTIONS: readonly (keyof ConnectionOptions)[] = ['dispatcher', 'proxy', 'connections'];
const ADDRESS_OPTIONS = [...CONNECTION_OPTIONS, 'apiKey', 'authHeader', 'baseUrl', 'allowInsecure'] as const;

/** For other entries of this package, which have no transport of their own. */
interface Internals {
  /** It is a client of this very copy of the library: the ESM and the CJS build are two. */
  isOwn(client: object): boolean;
  /** A call of an operation as the client makes it. */
  call<Input, Output>(
    client: RufusClient,
    operation: Operation<Input, Output>,
    input: NoInfer<Input>,
    options: RequestOptions,
  ): RequestPromise<Output>;
}

export let internals: Internals;

/**
 * The RUFUS Cloud API.
 *
 * One client serves a whole process: it keeps its sockets open between calls. Close it at the end, or let
 * `await using` do so, where there is such a thing: in TypeScript, and from Node 24 on.
 *
 * @throws {RufusConfigError} where an option is missing or wrong.
 * @example
 * const client = new RufusClient({ apiKey: process.env.RUFUS_API_KEY });
 * const { deviceid } = await client.devices.ensureBound({ type: 'reader', model: 'R1', serial_number: '0042' });
 * const { token_session } = await client.sessions.create({ deviceid });
 * await client.passings.insert(token_session, [{ num_passing: 1, bib: '7', timestamp: new Date() }]);
 * await client.close();
 */
export class RufusClient implements AsyncDisposable {
  /** Bind, look up and unbind timing devices. */
  readonly devices: Devices;
  /** Open, close and look up sessions. */
  readonly sessions: Sessions;
  /** Send passings and read them back. */
  readonly passings: Passings;
  /** The company's events. */
  readonly events: Events;
  readonly #options: RufusClientOptions;
  readonly #connections: Connections;
  readonly #ownsConnections: boolean;
  readonly #transport: Transport;

  constructor(options: RufusClientOptions = {}) {
    const settings = resolveOptions(options, VERSION);
    const shared = inherited.get(options);
    const { apiKey, origin, basePath, logLevel } = settings;
    this.#options = { ...options, apiKey, baseUrl: origin + basePath, logLevel };
    this.#connections = shared ?? new Connections(options);
    this.#ownsConnections = shared === undefined;
    this.#transport = new Transport(settings, this.#connections);
    attachLog(this, this.#transport.log);
    attachWarmUp(this, () => this.#transport.warmUp());
    this.devices = new DevicesModule(this.#transport);
    this.sessions = new SessionsModule(this.#transport);
    this.passings = new PassingsModule(this.#transport);
    this.events = new EventsModule(this.#transport);
  }

  /**
   * A client with some options replaced, `retry` and `headers` field by field. It shares this one's connections,
   * unless `dispatcher`, `proxy` or `connections` is among the options; closing it leaves shared connections open.
   */
  withOptions(overrides: Partial<RufusClientOptions>): RufusClient {
    return derived(this.#options, overrides, this.#connections);
  }

  /**
   * For endpoints that the SDK does not wrap: authentication, retries, errors and the envelope are handled, the body is
   * not validated. `path` is below the base URL and percent-encoded. A GET is repeatable by default, nothing else is.
   *
   * @example
   * const answer = await client.request('GET', '/events', { query: { page: 1, limit: 10 } });
   */
  request(method: string, path: string, options: RawRequestOptions = {}): RequestPromise<unknown> {
    return this.#transport.call(rawOperation(method, path, options), options, callOptionsOf(options));
  }

  /** Waits for calls under way, then closes our own agent; never a `dispatcher` of yours. Later calls throw RufusConfigError, code `'closed'`. */
  async close(): Promise<void> {
    await this.#transport.close();
    if (this.#ownsConnections) await this.#connections.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  static {
    internals = {
      isOwn: (client) => #transport in client,
      call: (client, operation, input, options) => client.#transport.call(operation, input, options),
    };
  }
}

/** A client over another wire than HTTP, whose other end has the key. */
export function clientOver(wire: Wire, options: RufusClientOptions): RufusClient {
  const placeholders: RufusClientOptions = { ...options, apiKey: 'no-key-at-this-end', baseUrl: 'https://fleet' };
  inherited.set(placeholders, new Connections({}, wire));
  return new RufusClient(placeholders);
}

// How `withOptions` hands its connections to the constructor, whose signature is public.
const inherited = new WeakMap<RufusClientOptions, Connections>();

/** Out of the class: one that refers to itself by its name is renamed by the bundler. */
function derived(
  parent: RufusClientOptions,
  overrides: Partial<RufusClientOptions>,
  connections: Connections,
): RufusClient {
  const options = merged(parent, overrides);
  const address = ADDRESS_OPTIONS.find((name) => overrides[name] !== undefined);
  if (connections.isForeign && address !== undefined) {
    throw new RufusConfigError(`This client has no key and no address of its own: it takes no \`${address}\`.`);
  }
  if (!CONNECTION_OPTIONS.some((name) => overrides[name] !== undefined)) inherited.set(options, connections);
  return new RufusClient(options);
}

function merged(parent: RufusClientOptions, overrides: Partial<RufusClientOptions>): RufusClientOptions {
  const given = Object.fromEntries(
    Object.entries(asObject('options', overrides)).filter(([, value]) => value !== undefined),
  );
  const headers = { ...parent.headers, ...headerOptions(overrides.headers ?? {}) };
  const options: RufusClientOptions = { ...parent, ...given, headers };
  if (parent.retry && overrides.retry) options.retry = { ...parent.retry, ...overrides.retry };
  if (overrides.dispatcher !== undefined) {
    options.proxy = overrides.proxy;
    options.connections = overrides.connections;
  } else if (overrides.proxy !== undefined || overrides.connections !== undefined) {
    options.dispatcher = undefined;
  }
  return options;
}
