import { Agent, type Dispatcher } from 'undici';
import type { PassingInput } from '../../src/index.js';
import { DEVICE, KEY, TOKEN } from './rows.js';
import type { Server } from './server.js';

/** Sends one request with these passings; resolves with the parsed answer. */
export type Insert = (passings: readonly PassingInput[]) => Promise<unknown>;

export const CONNECTIONS = 16;
export const HEADERS = { accept: 'application/json', 'content-type': 'application/json', 'x-api-key': KEY };

export const bodyOf = (passings_list: readonly PassingInput[]) => ({ token_session: TOKEN, passings_list });

/** The limit: undici's `dispatcher.request` and `JSON.parse`, with nothing around them. */
export class BareUndici {
  readonly #agent: Dispatcher = new Agent({ connections: CONNECTIONS, pipelining: 1 });
  readonly #origin: string;

  constructor({ origin }: Pick<Server, 'origin'>) {
    this.#origin = origin;
  }

  readonly insert: Insert = async (passings) => {
    const { body } = await this.#agent.request({
      origin: this.#origin,
      path: '/v0/passings',
      method: 'POST',
      headers: HEADERS,
      body: JSON.stringify(bodyOf(passings)),
    });
    return JSON.parse(await body.text());
  };

  page(page: number): Promise<unknown> {
    return this.#get(`/v0/passings/session/${TOKEN}?page=${page}`);
  }

  /** The continuous query of a device without passings. */
  poll(): Promise<unknown> {
    return this.#get(`/v0/passings/device2/${DEVICE}?token_session=${TOKEN}&page=1`);
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  async #get(path: string): Promise<unknown> {
    const { body } = await this.#agent.request({ origin: this.#origin, path, method: 'GET', headers: HEADERS });
    return JSON.parse(await body.text());
  }
}
