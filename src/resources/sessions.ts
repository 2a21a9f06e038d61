import { closeSession, createSession, getActiveSession, getSession, listSessions } from '../core/operations.js';
import { pathId } from '../core/path-id.js';
import type { Transport } from '../core/transport.js';
import { demand } from '../core/validation/demand.js';
import { checkSession } from '../core/validation/requests.js';
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
    return this.#transport.call(createSession, options, () => ({
      body: JSON.stringify(demand(createSession.name, checkSession(session))),
    }));
  }

  get(token_session: string, options?: RequestOptions): RequestPromise<Session> {
    return this.#transport.call(getSession, options, () => pathId(getSession.name, 'token_session', token_session));
  }

  getActive(deviceid: string, options?: RequestOptions): RequestPromise<Session | null> {
    return this.#transport.call(getActiveSession, options, () => pathId(getActiveSession.name, 'deviceid', deviceid));
  }

  listByDevice(deviceid: string, options?: RequestOptions): RequestPromise<Session[]> {
    return this.#transport.call(listSessions, options, () => pathId(listSessions.name, 'deviceid', deviceid));
  }

  close(
    token_session: string,
    options?: RequestOptions,
  ): RequestPromise<{ token_session: string; description: string }> {
    return this.#transport.call(closeSession, options, () => pathId(closeSession.name, 'token_session', token_session));
  }
}
