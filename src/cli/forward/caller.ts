import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Address, shown } from './addresses.js';
import { type ConnectionSetup, serveDecoder } from './connection.js';
import { pause } from './pause.js';

const CONNECT_TIMEOUT_MS = 10_000;
/** Full jitter below a ceiling that doubles from the first to the second with each failure in a row. */
const BACKOFF_MS = [250, 15_000] as const;

/** Connects to a decoder, takes its lines, and connects again for ever. */
export class Caller {
  readonly #address: Address;
  readonly #setup: ConnectionSetup;
  #isConnected = false;

  constructor(address: Address, setup: ConnectionSetup) {
    this.#address = address;
    this.#setup = setup;
  }

  get connections(): number {
    return Number(this.#isConnected);
  }

  /** Until `stop`. @throws what storing lines fails with */
  async run(): Promise<void> {
    const { stop, note } = this.#setup;
    const source = `connect:${shown(this.#address)}`;
    for (let failures = 0; !stop.aborted; ) {
      const socket = await this.#connect();
      if (socket !== undefined) {
        failures = 0;
        note(`Connected to the decoder at ${shown(this.#address)}.`);
        this.#isConnected = true;
        try {
          await serveDecoder(socket, source, this.#setup);
        } finally {
          this.#isConnected = false;
        }
        if (!stop.aborted) note(`The decoder at ${shown(this.#address)} has hung up.`);
      } else if (failures === 0 && !stop.aborted) {
        note(`The decoder at ${shown(this.#address)} does not answer; trying again until it does.`);
      }
      const [firstMs, maxMs] = BACKOFF_MS;
      await pause(Math.random() * Math.min(maxMs, firstMs * 2 ** failures++), stop);
    }
  }

  async #connect(): Promise<Socket | undefined> {
    const { stop } = this.#setup;
    const { host, port } = this.#address;
    const socket = connect({ host, port, allowHalfOpen: true });
    const timer = setTimeout(() => socket.destroy(new Error('timeout')), CONNECT_TIMEOUT_MS);
    try {
      await once(socket, 'connect', { signal: stop });
      return socket;
    } catch {
      socket.on('error', () => {}).destroy();
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}
