import { isAscii } from 'node:buffer';
import type { Transform } from 'node:stream';
import { inspect, promisify } from 'node:util';
import { brotliDecompress, createBrotliDecompress, createGunzip, createInflate, gunzip, inflate } from 'node:zlib';
import type { RawResponse } from '../../types.js';
import { TransportFailure } from './flight.js';

/** Response headers as undici hands them over: names in lower case. */
export type WireHeaders = Record<string, string | string[] | undefined>;

const REQUEST_ID_HEADERS = ['x-amzn-requestid', 'x-request-id', 'x-amz-request-id', 'apigw-requestid', 'cf-ray'];

/** What precedes the body. `Headers` are built only for those who ask. */
export class Head {
  readonly status: number;
  readonly #headers: WireHeaders;
  #built: Headers | undefined;

  constructor(status: number, headers: WireHeaders) {
    this.status = status;
    this.#headers = headers;
  }

  get headers(): Headers {
    this.#built ??= buildHeaders(this.#headers);
    return this.#built;
  }

  get requestId(): string | undefined {
    for (const name of REQUEST_ID_HEADERS) {
      const value = this.#headers[name];
      if (value !== undefined) return Array.isArray(value) ? value[0] : value;
    }
    return undefined;
  }
}

/** A complete answer. Private fields keep its content out of logs. */
export class Answer implements RawResponse {
  /** Apart, so that keeping the headers does not keep the text, which may be megabytes. */
  readonly head: Head;
  readonly #text: string;

  constructor(status: number, headers: WireHeaders, text: string) {
    this.head = new Head(status, headers);
    this.#text = text;
  }

  get status(): number {
    return this.head.status;
  }

  get headers(): Headers {
    return this.head.headers;
  }

  get requestId(): string | undefined {
    return this.head.requestId;
  }

  get text(): string {
    return this.#text;
  }

  json(): unknown {
    return JSON.parse(this.#text);
  }
}

/** The answer as middleware gets it: plain, so that a copy such as `{ ...response, text }` is a whole answer, too. */
export function copyable(answer: RawResponse): RawResponse {
  const { status, headers, requestId, text } = answer;
  const copy: RawResponse = {
    status,
    headers,
    requestId,
    text,
    json() {
      return JSON.parse(this.text);
    },
  };
  const shown = (): object => ({ status, requestId });
  return Object.defineProperties(copy, { toJSON: { value: shown }, [inspect.custom]: { value: shown } });
}

function buildHeaders(wire: WireHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(wire)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each === undefined) continue;
      try {
        headers.append(name, each);
      } catch {
        // A header that the Fetch standard does not allow (control characters, say) is no reason to lose the answer.
      }
    }
  }
  return headers;
}

interface Decoder {
  readonly all: (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;
  readonly stream: () => Transform;
}
const GZIP: Decoder = { all: promisify(gunzip), stream: createGunzip };
const decoders = new Map<string, Decoder>([
  ['gzip', GZIP],
  ['x-gzip', GZIP],
  ['deflate', { all: promisify(inflate), stream: createInflate }],
  ['br', { all: promisify(brotliDecompress), stream: createBrotliDecompress }],
]);

/** Of an error page this much is kept; the rest is read, so that the socket can be used again, and thrown away. */
const ERROR_BODY_BYTES = 64 * 1024;
/** Beyond this an error page is not read to its end: a new socket is cheaper. */
const ERROR_DRAIN_BYTES = 1024 * 1024;
/** So many chunks are joined into one: a body that comes byte by byte would be millions of objects otherwise. */
const LOOSE_CHUNKS = 256;

/** Collects a body chunk by chunk, within its limit, and turns it into an {@link Answer}. */
export class BodyReader {
  readonly #status: number;
  readonly #headers: WireHeaders;
  readonly #maxBytes: number;
  readonly #chunks: Chunk[] = [];
  #bytes = 0;
  #loose = 0;

  constructor(status: number, headers: WireHeaders, maxBytes: number) {
    this.#status = status;
    this.#headers = headers;
    this.#maxBytes = maxBytes;
  }

  get #isError(): boolean {
    return this.#status >= 300;
  }

  /** The announced length already says that it is too much. */
  get announcedTooLarge(): boolean {
    return !this.#isError && Number(this.#headers['content-length']) > this.#maxBytes;
  }

  /** False once the limit is passed: the rest is not wanted. */
  take(chunk: Uint8Array): boolean {
    this.#bytes += chunk.byteLength;
    if (this.#isError) {
      if (this.#bytes - chunk.byteLength < ERROR_BODY_BYTES) this.#keep(chunk);
      return this.#bytes <= ERROR_DRAIN_BYTES;
    }
    if (this.#bytes > this.#maxBytes) return false;
    this.#keep(chunk);
    return true;
  }

  #keep(chunk: Uint8Array): void {
    this.#chunks.push(asText(chunk) ?? chunk);
    if (++this.#loose < LOOSE_CHUNKS) return;
    this.#chunks.push(joined(this.#chunks.splice(-LOOSE_CHUNKS)));
    this.#loose = 0;
  }

  /** What to do once `take` said no: an error page is cut, anything else is lost. */
  overflow(): Answer | TransportFailure | Promise<Answer | TransportFailure> {
    return this.#isError ? this.finish() : new TransportFailure('too-large', true, undefined, this.#status);
  }

  /** The whole answer; a promise only where it must be decompressed. */
  finish(): Answer | Promise<Answer | TransportFailure> {
    const encoding = this.#headers['content-encoding'];
    if (encoding === undefined || encoding === 'identity') return this.#plain();
    return this.#decoded(encoding);
  }

  #joined(): Chunk {
    // Let go of here: undici keeps this reader reachable while the page is validated.
    return joined(this.#chunks.splice(0));
  }

  #plain(): Answer {
    return this.#answer(this.#joined());
  }

  #answer(body: Chunk): Answer {
    return new Answer(this.#status, this.#headers, typeof body === 'string' ? body : decoded(body));
  }

  async #decoded(encoding: string | string[]): Promise<Answer | TransportFailure> {
    const decoder = typeof encoding === 'string' ? decoders.get(encoding.toLowerCase()) : undefined;
    if (decoder === undefined) return this.#plain();
    if (this.#isError) return this.#answer(await beginningOf(bytesOf(this.#joined()), decoder.stream()));
    try {
      return this.#answer(await decoder.all(bytesOf(this.#joined()), { maxOutputLength: this.#maxBytes }));
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
      return new TransportFailure(code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'network', true, cause, this.#status);
    }
  }
}

/**
 * Text as soon as it is ASCII, which a page of passings is almost always: copying takes a fifth of the time of decoding, and
 * strings on the heap spare the collector the bytes beside it.
 */
type Chunk = string | Uint8Array;

function asText(chunk: Uint8Array): string | undefined {
  return isAscii(chunk) ? bytesOf(chunk).toString('latin1') : undefined;
}

function bytesOf(chunk: Chunk): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk, 'latin1');
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function joined(chunks: readonly Chunk[]): Chunk {
  return chunks.every((chunk) => typeof chunk === 'string') ? chunks.join('') : Buffer.concat(chunks.map(bytesOf));
}

/** Joined first and decoded once: a character may be split over two chunks. */
function decoded(body: Uint8Array): string {
  const hasBom = body.length >= 3 && body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
  return bytesOf(body).toString('utf8', hasBom ? 3 : 0);
}

/** As much of an error page as is kept. A kilobyte can unpack to a gigabyte, and the page may have been cut. */
async function beginningOf(packed: Buffer, unpacking: Transform): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  unpacking.end(packed);
  try {
    for await (const chunk of unpacking as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.byteLength;
      if (bytes >= ERROR_BODY_BYTES) break;
    }
  } catch {
    // The status of an error answer counts, whatever came with it.
  }
  return Buffer.concat(chunks);
}
