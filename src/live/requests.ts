import { NotFoundError, RufusResponseValidationError } from '../core/errors.js';
import type { Operation } from '../core/operation.js';
import { getDevice, getSession, listPassingsBySession, listSessions, pollPassings } from '../core/operations.js';
import type { Transport } from '../core/transport.js';
import type { Device, Passing, Session } from '../types.js';

/** An answer of the continuous query. */
export interface PollResult {
  readonly token_session: string;
  readonly alias: string | null;
  readonly passings: readonly Passing[];
  /** A passing names another device than the one that is followed. */
  readonly isForeign: boolean;
}

/** The requests of a follower. Each is one attempt: the follower decides when to repeat it. */
export class FollowerRequests {
  readonly #transport: Transport;
  readonly #deviceid: string;
  #hasToldOfForeign = false;
  readonly #options: { readonly signal: AbortSignal; readonly retry: false };

  constructor(transport: Transport, deviceid: string, signal: AbortSignal) {
    this.#transport = transport;
    this.#deviceid = deviceid;
    this.#options = { signal, retry: false };
  }

  /** The first page beyond `last` of the session, or of a newer one; undefined where there is no session yet. */
  async poll(token_session: string | undefined, last: number | undefined): Promise<PollResult | undefined> {
    const answer = await this.#call(pollPassings, {
      deviceid: this.#deviceid,
      query: { token_session, last, page: 1 },
    });
    const rows = answer.passings;
    const used = answer.session_used ?? rows[0]?.token_session ?? token_session;
    if (used === undefined) {
      if (rows.length > 0) throw anonymous();
      return undefined;
    }
    return {
      token_session: used,
      alias: answer.session_label,
      passings: this.#own(rows, used),
      isForeign: rows.some((row) => (row.deviceid ?? this.#deviceid) !== this.#deviceid),
    };
  }

  /** The first page of a range of numbers, of a session that exists. */
  async range(token_session: string, first: number | undefined, last?: number): Promise<readonly Passing[]> {
    try {
      const page = await this.#call(listPassingsBySession, { token_session, query: { first, last, page: 1 } });
      return this.#own(page.items, token_session);
    } catch (error) {
      // The range may be empty: the answer to a read past the end is not documented.
      if (!(error instanceof NotFoundError)) throw error;
      await this.session(token_session);
      return [];
    }
  }

  /** Without the rows of other sessions: their numbers mean nothing here, and these sessions are read by themselves. */
  #own(rows: readonly Passing[], token_session: string): readonly Passing[] {
    const isOwn = (row: Passing): boolean => (row.token_session ?? token_session) === token_session;
    if (rows.every(isOwn)) return rows;
    if (!this.#hasToldOfForeign) {
      this.#hasToldOfForeign = true;
      this.#transport.log.write(
        'warn',
        'The API gave passings of another session than the one it was asked for; they are left out',
        {
          operation: 'passings.follow',
        },
      );
    }
    return rows.filter(isOwn);
  }

  sessions(): Promise<Session[]> {
    return this.#call(listSessions, { deviceid: this.#deviceid });
  }

  session(token_session: string): Promise<Session> {
    return this.#call(getSession, { token_session });
  }

  device(): Promise<Device> {
    return this.#call(getDevice, { deviceid: this.#deviceid });
  }

  #call<Input, Output>(operation: Operation<Input, Output>, input: NoInfer<Input>): Promise<Output> {
    return this.#transport.call(operation, input, this.#options);
  }
}

function anonymous(): RufusResponseValidationError {
  return new RufusResponseValidationError(
    'passings.follow: the answer does not say which session its passings are of.',
    {
      operation: pollPassings.name,
      attempts: 1,
      issues: [{ path: ['session_used'], message: 'expected text' }],
      status: 200,
    },
  );
}
