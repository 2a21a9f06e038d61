import { createServer, type Server } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { RufusConfigError } from 'rufus-client';
import { Board } from './board.js';
import { Guard } from './guard.js';
import { respond } from './http.js';
import { Journal } from './journal.js';
import { type BoardOptions, settle } from './options.js';
import { PACE, type Pace } from './pace.js';
import { Page } from './page.js';
import { Race } from './race.js';

/** A board that is being served. */
export interface ServedBoard {
  /** Its address, without a slash at the end, and without the token. */
  readonly url: string;
  /** Ends the followers and the server, and leaves the client open. */
  close(): Promise<void>;
}

/** More would be a mistake or an attack: nobody has so many pages open. */
const MOST_CONNECTIONS = 2_000;

/**
 * Serves the live board of some devices: one page, and what scripts may want of it.
 *
 * It starts without network, too, and says so on the page. What RUFUS refuses (a key, a device) is shown there and tried
 * again. `GET /api/state` and `/api/runner?bib=17` give JSON, `/events` server-sent events.
 *
 * @throws {RufusConfigError} for an option that cannot be, a state file that is none, an address in use.
 * @example
 * const board = await serveBoard({ client, devices: 'all', state: 'marathon.board', timeZone: 'Europe/Madrid' });
 * console.log(board.url);
 */
export function serveBoard(options: BoardOptions): Promise<ServedBoard> {
  return serve(options, PACE);
}

/** The same at another pace, for tests. */
export async function serve(options: BoardOptions, pace: Pace): Promise<ServedBoard> {
  const settings = settle(options);
  const { host, port, token } = settings;
  const { pageHtml } = await import('./page-html.js');
  const page = new Page(await pageHtml());
  const race = new Race();
  const journal =
    settings.state === undefined ? undefined : await Journal.open(settings.state, (record) => race.take(record));
  const board = new Board(settings, race, journal, pace);
  const guard = new Guard(host, token);
  const server = createServer((request, response) =>
    respond(request, response, guard, {
      page,
      state: () => board.state(),
      runner: (bib) => board.runner(bib),
      events: (to, lastEventId) => board.stream.add(to, lastEventId),
    }),
  );
  server.maxConnections = MOST_CONNECTIONS;
  try {
    await listen(server, host, port);
  } catch (error) {
    await journal?.close();
    throw error;
  }
  await board.start();
  return {
    url: addressOf(server),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await board.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => {
      const advice = error.code === 'EADDRINUSE' ? ' Name another port, or 0 for a free one.' : '';
      reject(
        new RufusConfigError(`The board cannot listen on ${host}:${port}: ${error.message}.${advice}`, {
          cause: error,
        }),
      );
    };
    server.once('error', fail).listen(port, host, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

/** Where it listens everywhere, an address of this machine that others can reach. */
function addressOf(server: Server): string {
  const { address, port } = server.address() as AddressInfo;
  const host = address === '::' || address === '0.0.0.0' ? ownAddress() : address;
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}
