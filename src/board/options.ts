import { type RufusClient, RufusConfigError } from 'rufus-client';
import { isLoopback } from './guard.js';

/** What to show, and to whom. */
export interface BoardOptions {
  /** Yours: the board does not close it. Its `timeoutMs` decides how soon a request that hangs is an outage. */
  client: RufusClient;
  /** Ids, in the order in which they are to be shown; `'all'`: every device of the account, those bound later too. */
  devices: readonly string[] | 'all';
  /** Default `127.0.0.1`, port 8080; port 0 takes a free one. Another host than loopback demands `token` or `public`. */
  listen?: { host?: string | undefined; port?: number | undefined } | undefined;
  /** A file that keeps counts and cursors, so that after any end the board goes on exactly where it was. One file a race; it holds session tokens. */
  state?: string | undefined;
  /** Above the page. Default `Live board`. */
  title?: string | undefined;
  /** Of the times of day that it shows, as `Europe/Madrid`. Default: the system's. */
  timeZone?: string | undefined;
  /** What a reader must send as a bearer; the page takes it from its address: `url#token=…`. Letters, digits and `-._~`. */
  token?: string | undefined;
  /** Anybody who can reach it may look. Only needed where it listens beyond loopback, without a token. */
  public?: boolean | undefined;
}

export interface BoardSettings {
  readonly client: RufusClient;
  readonly devices: readonly string[] | 'all';
  readonly host: string;
  readonly port: number;
  readonly state: string | undefined;
  readonly title: string;
  readonly timeZone: string;
  readonly token: string | undefined;
}

const OPTIONS: Readonly<Record<keyof BoardOptions, true>> = {
  client: true,
  devices: true,
  listen: true,
  state: true,
  title: true,
  timeZone: true,
  token: true,
  public: true,
};

/** @throws {RufusConfigError} for what cannot be. */
export function settle(options: BoardOptions): BoardSettings {
  refuseUnknown('', options, OPTIONS);
  const { client, devices, listen = {}, state, title = 'Live board', timeZone = systemZone(), token } = options;
  if (typeof client?.passings?.follow !== 'function') throw new RufusConfigError('`client` must be a RufusClient.');
  if (devices !== 'all' && !(Array.isArray(devices) && devices.length > 0 && devices.every(isText))) {
    throw new RufusConfigError("`devices` must be 'all' or a list of at least one deviceid.");
  }
  refuseUnknown('listen.', listen, { host: true, port: true });
  const { host = '127.0.0.1', port = 8080 } = listen;
  if (!isText(host)) throw new RufusConfigError('`listen.host` must be an address or a name.');
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new RufusConfigError('`listen.port` must be a whole number from 0 to 65535.');
  }
  if (state !== undefined && !isText(state)) throw new RufusConfigError('`state` must be the path of a file.');
  if (typeof title !== 'string') throw new RufusConfigError('`title` must be a text.');
  checkZone(timeZone);
  // The token itself does not belong into a message.
  if (token !== undefined && !(typeof token === 'string' && /^[\w.~-]+$/.test(token))) {
    throw new RufusConfigError('`token` must be a text of letters, digits and `-._~`.');
  }
  if (!isLoopback(host) && token === undefined && options.public !== true) {
    throw new RufusConfigError(
      `The board would listen on ${host}, where others can reach it: give it a \`token\`, or say \`public: true\`.`,
    );
  }
  return {
    client,
    devices: devices === 'all' ? devices : [...new Set(devices)],
    host,
    port,
    state,
    title,
    timeZone,
    token,
  };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const systemZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

function checkZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch {
    throw new RufusConfigError(`\`timeZone\` must be a time zone such as Europe/Madrid, not ${timeZone}.`);
  }
}

function refuseUnknown(within: string, given: object, known: Readonly<Record<string, true>>): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || Object.hasOwn(known, name)) continue;
    throw new RufusConfigError(`Unknown option \`${within}${name}\`. Known are: ${Object.keys(known).join(', ')}.`);
  }
}
