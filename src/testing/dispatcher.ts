import type { RequestHandler } from 'msw';
import { onAbort } from '../core/abort.js';
import { redact } from '../core/redact.js';
import type { DispatcherLike } from '../types.js';
import { connectionReset, otherSideClosed } from './faults.js';
import { msw } from './msw.js';
import { mswPath, operationOf } from './operations.js';

type RequestOptions = Parameters<DispatcherLike['request']>[0];
type DispatcherAnswer = Awaited<ReturnType<DispatcherLike['request']>>;

/**
 * Lets any set of msw handlers answer a RufusClient: msw's `setupServer` does not see undici's sockets.
 * A request that no handler answers is rejected, with a message that names it.
 *
 * @example
 * const dispatcher = mswDispatcher(http.get('*' + '/v0/devices', () => HttpResponse.json({ ... })));
 * const client = new RufusClient({ apiKey, dispatcher });
 */
export function mswDispatcher(...handlers: readonly unknown[]): DispatcherLike {
  const known = handlers as RequestHandler[];
  const { getResponse } = msw();
  return makeDispatcher(async (request) => {
    const response = await getResponse(known, request);
    if (response === undefined) throw unhandled(request, `no handler of the ${known.length} given answers it`);
    if (response.headers.get('x-msw-intention') === 'passthrough') {
      throw unhandled(request, 'its handler passes it through, and there is no network behind mswDispatcher');
    }
    return response;
  });
}

/** What undici's `dispatcher.request()` does, on a function from fetch's Request to fetch's Response. */
export function makeDispatcher(respond: (request: Request) => Promise<Response>): DispatcherLike {
  return {
    request(options) {
      return new Promise((resolve, reject) => {
        const { signal } = options;
        if (signal?.aborted) return reject(signal.reason);
        // Its own controller, not the caller's signal: fetch's Request would hang a listener on that until it is collected.
        const abort = new AbortController();
        const stopWatching =
          signal &&
          onAbort(signal, () => {
            abort.abort(signal.reason);
            reject(signal.reason);
          });
        const release = () => stopWatching?.();
        exchange(options, respond, abort.signal, release).then(resolve, (error) => {
          release();
          reject(error);
        });
      });
    },
  };
}

async function exchange(
  { origin, path, method, headers, body }: RequestOptions,
  respond: (request: Request) => Promise<Response>,
  signal: AbortSignal,
  release: () => void,
): Promise<DispatcherAnswer> {
  const init: RequestInit = { method, signal, body: method === 'GET' || method === 'HEAD' ? null : (body ?? null) };
  if (headers !== undefined) init.headers = headers;
  const response = await respond(new Request(origin + path, init));
  if (response.type === 'error') throw connectionReset();
  return {
    statusCode: response.status,
    headers: headersOf(response.headers),
    body: new Body(response.body, signal, release),
  };
}

function headersOf(headers: Headers): Record<string, string | string[]> {
  const cookies = headers.getSetCookie();
  return { ...Object.fromEntries(headers), ...(cookies.length > 1 && { 'set-cookie': cookies }) };
}

class Body {
  readonly #stream: ReadableStream<Uint8Array> | null;
  readonly #signal: AbortSignal;
  readonly #release: () => void;

  constructor(stream: ReadableStream<Uint8Array> | null, signal: AbortSignal, release: () => void) {
    this.#stream = stream;
    this.#signal = signal;
    this.#release = release;
    if (stream === null) release();
    else if (signal.aborted) void stream.cancel(signal.reason).catch(() => {});
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    if (this.#stream === null) return;
    const reader = this.#stream.getReader();
    const cancel = () => void reader.cancel(this.#signal.reason).catch(() => {});
    this.#signal.addEventListener('abort', cancel, { once: true });
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (this.#signal.aborted) throw this.#signal.reason;
        if (done) return;
        yield value;
      }
    } catch (error) {
      throw this.#signal.aborted ? this.#signal.reason : asNetworkError(error);
    } finally {
      cancel();
      this.#release();
    }
  }

  async text(): Promise<string> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  /** Reads at most `limit` bytes and forgets them. As undici's, it rejects only for an abort. */
  async dump({ limit } = { limit: 131_072 }): Promise<void> {
    let left = limit;
    try {
      for await (const chunk of this) {
        left -= chunk.byteLength;
        if (left <= 0) return;
      }
    } catch (error) {
      if (this.#signal.aborted) throw error;
    }
  }
}

const asNetworkError = (error: unknown) => (error instanceof Error && 'code' in error ? error : otherSideClosed(error));

function unhandled(request: Request, reason: string): Error {
  const { pathname, origin } = new URL(request.url);
  const operation = operationOf(request)?.operation;
  const handler = `http.${request.method.toLowerCase()}('${operation ? mswPath(operation) : `*${redact(pathname)}`}', …)`;
  const error = new Error(
    `mswDispatcher: ${request.method} ${origin}${redact(pathname)} is not handled: ${reason}. ` +
      `Add ${handler}, or all of the API with ...new Sandbox().handlers`,
  );
  return Object.assign(error, { code: 'ERR_UNHANDLED_REQUEST' });
}
