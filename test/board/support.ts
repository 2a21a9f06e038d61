// A board of a sandbox, at a pace that tests can wait for, and those who look at it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { type DispatcherLike, RufusClient, type RufusClientOptions } from 'rufus-client';
import type { BoardOptions, ServedBoard } from 'rufus-client/board';
import { Sandbox, type SandboxOptions } from 'rufus-client/testing';
import { onTestFinished } from 'vitest';
import { PACE, type Pace } from '../../src/board/pace.js';
import { serve } from '../../src/board/serve.js';
import type { Counts, FullState, Message, State } from '../../src/board/wire.js';
import { answerOf } from '../support/client.js';

const QUICK: Pace = {
  ...PACE,
  pollMs: { min: 5, max: 20 },
  outageMs: 20,
  refusedMs: 20,
  rosterMs: 50,
  updateMs: 20,
};

/** Between the board and the sandbox. */
class Line implements DispatcherLike {
  /** `hanging`: nothing is answered; a number: nothing but that status. */
  state: 'up' | 'cut' | 'hanging' | number = 'up';
  readonly #dispatcher: DispatcherLike;

  constructor(dispatcher: DispatcherLike) {
    this.#dispatcher = dispatcher;
  }

  async request(options: Parameters<DispatcherLike['request']>[0]): ReturnType<DispatcherLike['request']> {
    if (typeof this.state === 'number') return answerOf(this.state, { description: 'no' });
    if (this.state === 'cut') throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    if (this.state === 'up') return this.#dispatcher.request(options);
    return new Promise((_, reject) => options.signal?.addEventListener('abort', () => reject(options.signal!.reason)));
  }
}

export interface Mat {
  readonly deviceid: string;
  readonly token_session: string;
}

/** A company with some devices, each with an open session. */
export async function company(aliases: readonly string[], options: SandboxOptions = {}) {
  const sandbox = new Sandbox(options);
  const writer = new RufusClient({ apiKey: sandbox.keys.readWrite, dispatcher: sandbox.dispatcher });
  const mats: Mat[] = [];
  for (const [index, alias] of aliases.entries()) {
    const device = { type: 'reader', model: 'R1', serial_number: `board-${index}`, alias };
    const { deviceid } = await writer.devices.bind(device);
    const { token_session } = await writer.sessions.create({ deviceid, alias });
    mats.push({ deviceid, token_session });
  }
  const line = new Line(sandbox.dispatcher);
  const clientOf = (clientOptions: RufusClientOptions = {}) =>
    new RufusClient({ apiKey: sandbox.keys.read, dispatcher: line, logLevel: 'off', retry: false, ...clientOptions });
  return { sandbox, line, writer, mats, clientOf };
}

type Given = Omit<BoardOptions, 'client'> & { readonly client: RufusClient };

/** Closed by itself at the end of the test. */
export async function boardOf(options: Given, pace: Partial<Pace> = {}): Promise<ServedBoard> {
  const board = await serve({ listen: { port: 0 }, timeZone: 'Europe/Madrid', ...options }, { ...QUICK, ...pace });
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= board.close();
    return closed;
  };
  onTestFinished(close);
  return { url: board.url, close };
}

/** A board in a process of its own, to be killed. */
export async function startBoard(env: Record<string, string>): Promise<{ child: ChildProcess; url: string }> {
  const script = fileURLToPath(new URL('./board-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = await once(child.stdout!, 'data');
  return { child, url: String(line).trim() };
}

export async function stateOf(url: string): Promise<State> {
  const response = await fetch(`${url}/api/state`);
  if (response.status !== 200) throw new Error(`/api/state: ${response.status}`);
  return response.json() as Promise<State>;
}

/** What the state says once it says so. */
export async function stateWhen(url: string, isSo: (state: State) => boolean, timeoutMs = 15_000): Promise<State> {
  for (const until = Date.now() + timeoutMs; ; ) {
    const state = await stateOf(url);
    if (isSo(state)) return state;
    if (Date.now() > until)
      throw new Error(`the state never came; at the end it was ${JSON.stringify(state).slice(0, 2_000)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export const readsOf = ({ devices }: Pick<State, 'devices'>): number =>
  devices.reduce((sum: number, { reads }: Counts) => sum + reads, 0);

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

/** One request with any headers, `host` too, which fetch does not allow. */
export function ask(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers, method }, (response) => {
      // An event stream does not end: its head is the answer.
      if (response.headers['content-type'] === 'text/event-stream') {
        resolve({ status: response.statusCode!, headers: response.headers, body: '' });
        response.destroy();
        return;
      }
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    sent.on('error', reject).end();
  });
}

export type Heard = Message & { readonly id: string | undefined };

/** Reads the events of a board until the test ends. */
export class Listener {
  readonly heard: Heard[] = [];
  readonly #onHeard: (heard: Heard) => void;
  readonly #stop = new AbortController();
  readonly #waiting = new Set<() => void>();
  isOver = false;

  constructor(url: string, headers: Record<string, string> = {}, onHeard: (heard: Heard) => void = () => {}) {
    this.#onHeard = onHeard;
    void this.#read(url, headers).finally(() => {
      this.isOver = true;
      for (const check of this.#waiting) check();
    });
    onTestFinished(() => this.close());
  }

  close(): void {
    this.#stop.abort();
  }

  get lastId(): string | undefined {
    return this.heard.findLast(({ id }) => id !== undefined)?.id;
  }

  /** Everything that was heard of, put together; the crossings newest first. */
  get recent(): FullState['recent'] {
    let recent: FullState['recent'] = [];
    for (const { event, data } of this.heard) {
      if (event === 'state') recent = data.recent;
      else if (event === 'update' && data.recent !== undefined) recent = data.recent.concat(recent);
    }
    return recent;
  }

  when(isSo: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!isSo() && !this.isOver) return;
        this.#waiting.delete(check);
        if (isSo()) resolve();
        else reject(new Error('the stream has ended'));
      };
      this.#waiting.add(check);
      check();
    });
  }

  async #read(url: string, headers: Record<string, string>): Promise<void> {
    const response = await fetch(`${url}/events`, { headers, signal: this.#stop.signal }).catch(() => undefined);
    if (!response?.ok || response.body === null) return;
    let text = '';
    try {
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
        for (const check of this.#waiting) check();
      }
    } catch {
      // Cut.
    }
  }

  #take(block: string): void {
    const lines = block.split('\n').map((line) => /^(\w+): (.*)$/.exec(line)!);
    const fields = Object.fromEntries(lines.map(([, name, value]) => [name, value]));
    const heard = { event: fields.event, id: fields.id, data: JSON.parse(fields.data!) } as Heard;
    this.heard.push(heard);
    this.#onHeard(heard);
  }
}

/** Passings of one mat, one a second from `start` on. */
export function reads(bibs: readonly (string | number)[], firstNumber = 1, start = '2026-04-20T09:00:00.000Z') {
  return bibs.map((bib, index) => ({
    num_passing: firstNumber + index,
    bib: String(bib),
    chip: `C-${bib}`,
    timestamp: new Date(Date.parse(start) + (firstNumber + index) * 1_000),
  }));
}
