import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';

/** The line between the devices and the server, as it is beside a road: it breaks, and it crawls. */
export class Link {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #upstream: URL;
  #isCut = false;
  #delayMs = 0;

  private constructor(upstream: URL) {
    this.#upstream = upstream;
    this.#server = createServer((socket) => this.#carry(socket));
  }

  static async to(url: string): Promise<Link> {
    const link = new Link(new URL(url));
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    return link;
  }

  /** The server's URL by way of this link. */
  get url(): string {
    const url = new URL(this.#upstream);
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href;
  }

  /** Breaks every connection, and refuses new ones for a while. */
  async cut(ms: number): Promise<void> {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await setTimeout(ms);
    this.#isCut = false;
  }

  /** Holds every packet up for a while. */
  async slowDown(ms: number, delayMs: number): Promise<void> {
    this.#delayMs = delayMs;
    await setTimeout(ms);
    this.#delayMs = 0;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #carry(near: Socket): void {
    if (this.#isCut) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(this.#upstream.port), this.#upstream.hostname);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    // What breaks is broken on purpose.
    pipeline(near, this.#delay(), far).catch(() => {});
    pipeline(far, this.#delay(), near).catch(() => {});
  }

  #delay(): Transform {
    return new Transform({
      transform: (chunk, _, done) => {
        if (this.#delayMs === 0) done(null, chunk);
        else globalThis.setTimeout(done, this.#delayMs, null, chunk);
      },
    });
  }
}
