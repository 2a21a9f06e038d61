import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { CommandError } from '../command-error.js';
import { type Address, shown } from './addresses.js';
import { type ConnectionSetup, serveDecoder } from './connection.js';

/** Decoders at a time. More are turned away: each may hold a line of 64 KiB and a chunk of its stream in memory. */
const MAX_CONNECTIONS = 64;

/** Waits for decoders to connect, and takes the lines of each. */
export class Listener {
  readonly #server: Server;
  readonly #setup: ConnectionSetup;
  readonly #serving = new Map<Socket, Promise<void>>();
  #fail: (error: unknown) => void = () => {};

  private constructor(server: Server, setup: ConnectionSetup) {
    this.#server = server;
    this.#setup = setup;
    server.on('connection', (socket) => this.#serve(socket));
    server.on('drop', () => setup.note(`More than ${MAX_CONNECTIONS} decoders: one was turned away.`));
  }

  static async listen(address: Address, setup: ConnectionSetup): Promise<Listener> {
    const server = createServer({ allowHalfOpen: true });
    server.maxConnections = MAX_CONNECTIONS;
    const listener = new Listener(server, setup);
    await listenOn(server, address, '--listen');
    setup.note(`Listening for decoders on ${shown(boundTo(server))}.`);
    return listener;
  }

  get connections(): number {
    return this.#serving.size;
  }

  /** Until `stop`. @throws what storing lines fails with */
  async run(): Promise<void> {
    const { stop } = this.#setup;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#fail = reject;
        if (stop.aborted) resolve();
        stop.addEventListener('abort', () => resolve(), { once: true });
      });
    } finally {
      this.#server.close();
      // Told to stop, each hangs up by itself, once it has answered what it has taken.
      if (!stop.aborted) for (const socket of this.#serving.keys()) socket.destroy();
    }
    await Promise.all(this.#serving.values());
  }

  #serve(socket: Socket): void {
    const source = `listen:${shown({ host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 })}`;
    const serving = serveDecoder(socket, source, this.#setup).then(undefined, (error: unknown) => this.#fail(error));
    this.#serving.set(socket, serving);
    void serving.finally(() => this.#serving.delete(socket));
  }
}

interface Listening {
  listen(port: number, host: string): unknown;
  address(): AddressInfo | string | null;
}

/** @throws CommandError - it cannot listen there; the message names the option */
export async function listenOn(
  server: Listening & NodeJS.EventEmitter,
  address: Address,
  option: string,
): Promise<void> {
  server.listen(address.port, address.host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = code === 'EADDRINUSE' ? 'something else listens there' : code;
    throw new CommandError(`${option} ${shown(address)} cannot be used: ${what}.`);
  }
}

export function boundTo(server: Listening): Address {
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port };
}
