// What stands between the outbox and the sandbox: the network, the gateway, the server's moods. It knows what was stored when.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PassingInput } from '../../../src/index.js';
import type { Sandbox } from '../../../src/testing/index.js';
import type { Random } from '../disk/random.js';
import { idOf, isPoison, MAX_BODY_BYTES } from './passings.js';

const MOODS = ['fair', 'fair', 'portal', 'locked', 'down'] as const;
type Mood = (typeof MOODS)[number] | 'calm';

export interface Arrival {
  readonly token_session: string;
  readonly num_passing: number;
  readonly passing: PassingInput;
}

interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly text: string;
}
const html = (status: number): Answer => ({ status, type: 'text/html', text: '<html><h1>Sign in</h1></html>' });
const said = (status: number, description: string): Answer => ({ status, text: JSON.stringify({ description }) });

export class HostileFront {
  readonly url: string;
  /** In the order in which the server took them; each once. */
  readonly arrivals: Arrival[] = [];
  /** What a fault did, and how often. */
  readonly survived = new Map<string, number>();
  /** The most inserts that were open at once. */
  peak = 0;
  /** Called when a session has been created, before anybody is told. */
  onCreate: () => void = () => {};
  #mood: Mood = 'fair';
  #open = 0;
  readonly #known = new Set<string>();

  private constructor(
    readonly sandbox: Sandbox,
    readonly random: Random,
    port: number,
    readonly close: () => Promise<void>,
  ) {
    this.url = `http://127.0.0.1:${port}/v0`;
  }

  static async listen(sandbox: Sandbox, random: Random): Promise<HostileFront> {
    const server = createServer((request, response) => {
      front.#serve(request, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const close = (): Promise<void> =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    const front: HostileFront = new HostileFront(sandbox, random, (server.address() as AddressInfo).port, close);
    return front;
  }

  /** The weather changes until it is told to be calm. */
  async turn(until: () => boolean): Promise<void> {
    while (!until()) {
      this.#mood = this.random.pick(MOODS);
      await sleep(30 + this.random.int(150));
    }
  }

  calm(): void {
    this.#mood = 'calm';
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isInsert = request.method === 'POST' && request.url === '/v0/passings';
    let isOpen = isInsert;
    // A request whose client is dead counts no longer; it may die while its body is being read.
    response.once('close', () => {
      if (isOpen) this.#open--;
      isOpen = false;
    });
    if (isInsert) this.#open++;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    // A client that gives one up and goes on with the next has closed the first one's connection by then: hear of that first. From
    // the end of a stream to its `close` takes Node some turns, and where the machine is busy both come at once.
    for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (isOpen) this.peak = Math.max(this.peak, this.#open);
    const refusal = this.#weather() ?? (isInsert ? this.#judge(body) : undefined);
    if (refusal === 'reset') return void response.socket?.resetAndDestroy();
    if (refusal !== undefined) return reply(response, refusal);
    const fault = this.#mood === 'fair' && this.random.chance(0.25) ? this.#pick(isInsert) : undefined;
    if (fault === 'hang') return;
    if (fault === 'redirect') return void response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end();
    const answer = await this.#forward(request, body);
    if (isInsert && answer.status === 201) this.#note(body);
    if (request.url === '/v0/sessions' && answer.status === 201) this.onCreate();
    if (fault === undefined) return reply(response, answer);
    await breakAnswer(response, answer, fault);
  }

  #weather(): Answer | 'reset' | undefined {
    const { random } = this;
    switch (this.#mood) {
      case 'portal':
        return this.#count('portal', html(200));
      case 'locked':
        return this.#count('401/403', said(random.pick([401, 403]), 'Forbidden'));
      case 'down':
        return this.#count('down', random.chance(0.5) ? 'reset' : html(502));
      case 'fair':
        return random.chance(0.2)
          ? this.#count('5xx/429', said(random.pick([500, 502, 503, 504, 429, 408]), 'Later'))
          : undefined;
      case 'calm':
        return undefined;
    }
  }

  #judge(body: string): Answer | undefined {
    if (Buffer.byteLength(body) > MAX_BODY_BYTES) return this.#count('413', html(413));
    const { passings_list } = JSON.parse(body) as { passings_list: PassingInput[] };
    return passings_list.some((passing) => isPoison(idOf(passing)))
      ? this.#count('400', said(400, 'Bad chip'))
      : undefined;
  }

  /** Only a receipt is checked against what was sent: a wrong token of a new session would be believed, as it must be. */
  #pick(isInsert: boolean) {
    const faults = ['hang', 'redirect', 'reset after', 'truncate', 'drip'] as const;
    const fault = this.random.pick(isInsert ? ([...faults, 'other token', 'wrong count'] as const) : faults);
    this.#count(fault, undefined);
    return fault;
  }

  #count<T>(name: string, value: T): T {
    this.survived.set(name, (this.survived.get(name) ?? 0) + 1);
    return value;
  }

  async #forward({ method = 'GET', url = '/', headers }: IncomingMessage, body: string): Promise<Answer> {
    const { statusCode, body: answer } = await this.sandbox.dispatcher.request({
      origin: 'http://127.0.0.1',
      path: url,
      method,
      headers: { 'x-api-key': String(headers['x-api-key']), 'content-type': 'application/json' },
      body: body === '' ? null : body,
    });
    return { status: statusCode, text: await answer.text() };
  }

  #note(body: string): void {
    const { token_session, passings_list } = JSON.parse(body) as {
      token_session: string;
      passings_list: PassingInput[];
    };
    for (const { num_passing, ...passing } of passings_list) {
      const key = `${token_session}/${num_passing}`;
      if (this.#known.has(key)) continue;
      this.#known.add(key);
      this.arrivals.push({ token_session, num_passing, passing: { num_passing, ...passing } });
    }
  }
}

function reply(response: ServerResponse, { status, type = 'application/json', text }: Answer): void {
  response.writeHead(status, { 'content-type': type }).end(text);
}

/** The server did what it was asked to; nobody will learn of it. */
async function breakAnswer(response: ServerResponse, { status, text }: Answer, fault: string): Promise<void> {
  if (fault === 'reset after') return void response.socket?.resetAndDestroy();
  if (fault === 'other token')
    return reply(response, { status, text: text.replace(/"token_session":"./, '"token_session":"Z') });
  if (fault === 'wrong count')
    return reply(response, { status, text: text.replace(/"inserted_count":/, '"inserted_count":1') });
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text) + 1),
  });
  if (fault === 'truncate') {
    response.write(text);
    await sleep(2);
    return void response.socket?.resetAndDestroy();
  }
  for (const byte of Buffer.from(text)) {
    if (response.destroyed) return;
    response.write(Buffer.of(byte));
    await sleep(10);
  }
}
