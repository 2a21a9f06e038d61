import { closeSession, createSession, getActiveSession, getSession, listSessions } from '../core/operations.js';
import type { Transport } from '../core/transport.js';
import type { RequestOptions, RequestPromise, Session, Sessions } from '../types.js';

export class SessionsModule implements Sessions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  create(
    session: { deviceid: string; alias?: string | undefined },
    options?: RequestOptions,
  ): RequestPromise<{ token_session: string; description: string }> {
    return this.#transport.call(createSession, { body: session }, options);
  }

  get(token_session: string, options?: RequestOptions): RequestPromise<Session> {
    return this.#transport.call(getSession, { token_session }, options);
  }

  getActive(deviceid: string, options?: RequestOptions): RequestPromise<Session | null> {
    return this.#transport.call(getActiveSession, { deviceid }, options);
  }

  listByDevice(deviceid: string, options?: RequestOptions): RequestPromise<Session[]> {
    return this.#transport.call(listSessions, { deviceid }, options);
  }

  close(
    token_session: string,
    options?: RequestOptions,
  ): RequestPromise<{ token_session: string; description: string }> {
    return this.#transport.call(closeSession, { token_session }, options);
  }
}
