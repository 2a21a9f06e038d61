import type { Message } from '../wire.js';

/** Three beats of the server. Who hears nothing for so long is alone. */
const SILENCE_MS = 12_000;
/** Without a connection it need not be so long: a server that is restarted is back by then. */
const ALONE_MS = 2_000;
/** A little more than a beat: after a sleep, silence of this length is reason enough to ask again. */
const DOUBT_MS = 5_000;
const TICK_MS = 1_000;
const RETRY_MS = { min: 500, max: 4_000 };

/** The server's events, for as long as the page is open. By fetch, since an EventSource cannot send a token. */
export class Feed {
  /** Date.now() at the last sign of life; undefined before the first. A monotonic clock may stop while a laptop sleeps. */
  heardAt: number | undefined;
  isConnected = false;
  /** The server wants another token than this page has. */
  isDenied = false;
  readonly #onMessage: (message: Message) => void;
  readonly #onTick: () => void;
  #lastEventId: string | undefined;
  #request: AbortController | undefined;
  #askedAt = 0;
  #endPause: () => void = () => {};
  #failures = 0;
  #tickedAt = Date.now();

  constructor(onMessage: (message: Message) => void, onTick: () => void) {
    this.#onMessage = onMessage;
    this.#onTick = onTick;
  }

  /** How long nothing has been heard, in milliseconds. */
  get silenceMs(): number {
    return this.heardAt === undefined ? Number.POSITIVE_INFINITY : Date.now() - this.heardAt;
  }

  /** What is shown can no longer be taken for fresh. */
  get isSilent(): boolean {
    return this.silenceMs > (this.isConnected ? SILENCE_MS : ALONE_MS);
  }

  start(): void {
    void this.#run();
    setInterval(() => this.#tick(), TICK_MS);
    for (const event of ['visibilitychange', 'resume']) document.addEventListener(event, () => this.#wake());
    for (const event of ['pageshow', 'online', 'focus']) addEventListener(event, () => this.#wake());
    addEventListener('hashchange', () => this.#reconnect());
  }

  async #run(): Promise<void> {
    for (;;) {
      this.#request = new AbortController();
      this.#askedAt = Date.now();
      try {
        await this.#listen(this.#request.signal);
      } catch {
        // Refused, cut, aborted: all the same, it is tried again.
      }
      this.isConnected = false;
      this.#onTick();
      await this.#pause(Math.min(RETRY_MS.max, RETRY_MS.min * 2 ** this.#failures++));
    }
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const lastId = this.#lastEventId;
    const headers = { ...authorization(), ...(lastId !== undefined && { 'last-event-id': lastId }) };
    const response = await fetch('/events', { headers, signal, cache: 'no-store' });
    this.isDenied = response.status === 401;
    if (!response.ok || response.body === null) return;
    this.isConnected = true;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#failures = 0;
      this.heardAt = Date.now();
      text += value;
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) this.#take(event);
    }
  }

  #take(block: string): void {
    const fields = new Map(
      block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    );
    const data = fields.get('data');
    if (data === undefined) return;
    this.#lastEventId = fields.get('id') ?? this.#lastEventId;
    try {
      this.#onMessage({ event: fields.get('event'), data: JSON.parse(data) } as Message);
    } catch (error) {
      // A mistake of the page, not of the network: it must not look like one.
      reportError(error);
    }
  }

  #tick(): void {
    const slept = Date.now() - this.#tickedAt > 3 * TICK_MS;
    this.#tickedAt = Date.now();
    if (slept) this.#wake();
    else if (this.#isSilentFor(SILENCE_MS)) this.#request?.abort();
    this.#onTick();
  }

  /** Whatever the page slept through: if there was no sign of life, ask at once rather than wait for one. */
  #wake(): void {
    if (document.visibilityState === 'visible' && this.#isSilentFor(DOUBT_MS)) this.#reconnect();
    this.#onTick();
  }

  /** Neither heard nor asked. */
  #isSilentFor(ms: number): boolean {
    return Date.now() - Math.max(this.heardAt ?? 0, this.#askedAt) > ms;
  }

  #reconnect(): void {
    this.#failures = 0;
    this.#request?.abort();
    this.#endPause();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The token stands behind the `#`, which no browser sends. */
export function authorization(): Record<string, string> {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  return token === null ? {} : { authorization: `Bearer ${token}` };
}
