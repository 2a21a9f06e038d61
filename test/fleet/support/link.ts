// A TCP proxy between two parties, that can be cut, mended, and made to swallow what one of them says.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export class Link {
  readonly #server: Server;
  readonly #to: number;
  readonly #sockets = new Set<Socket>();
  #isCut = false;
  #swallows = false;

  private constructor(to: number) {
    this.#to = to;
    this.#server = createServer((near) => this.#carry(near));
  }

  static async to(port: number): Promise<Link> {
    const link = new Link(port);
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    onTestFinished(() => link.close());
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks every connection, and takes no new one until it is mended. */
  cut(): void {
    this.#isCut = true;
    this.#swallows = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
    this.#swallows = false;
  }

  /** What the far end says from now on never arrives; the near end is still heard. */
  swallow(): void {
    this.#swallows = true;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #carry(near: Socket): void {
    if (this.#isCut) {
      near.destroy();
      return;
    }
    const far = connect(this.#to, '127.0.0.1');
    near.setNoDelay(true);
    far.setNoDelay(true);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk) => {
      if (!this.#swallows) near.write(chunk);
    });
  }
}
