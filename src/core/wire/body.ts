import type { Transform } from 'node:stream';
import { promisify } from 'node:util';
import { brotliDecompress, createBrotliDecompress, createGunzip, createInflate, gunzip, inflate } from 'node:zlib';
import { Answer, type WireHeaders } from './answer.js';
import { TransportFailure } from './flight.js';

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
  readonly #chunks: Uint8Array[] = [];
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
    this.#chunks.push(chunk);
    if (++this.#loose < LOOSE_CHUNKS) return;
    this.#chunks.push(Buffer.concat(this.#chunks.splice(-LOOSE_CHUNKS)));
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

  #joined(): Buffer {
    // Let go of here: undici keeps this reader reachable while the page is validated.
    const chunks = this.#chunks.splice(0);
    const [only] = chunks;
    if (chunks.length !== 1 || only === undefined) return Buffer.concat(chunks);
    return Buffer.from(only.buffer, only.byteOffset, only.byteLength);
  }

  #plain(): Answer {
    return this.#answer(this.#joined());
  }

  #answer(bytes: Buffer): Answer {
    // Joined first and decoded once: a character may be split over two chunks.
    const hasBom = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    return new Answer(this.#status, this.#headers, bytes.toString('utf8', hasBom ? 3 : 0));
  }

  async #decoded(encoding: string | string[]): Promise<Answer | TransportFailure> {
    const decoder = typeof encoding === 'string' ? decoders.get(encoding.toLowerCase()) : undefined;
    if (decoder === undefined) return this.#plain();
    if (this.#isError) return this.#answer(await beginningOf(this.#joined(), decoder.stream()));
    try {
      return this.#answer(await decoder.all(this.#joined(), { maxOutputLength: this.#maxBytes }));
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
      return new TransportFailure(code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'network', true, cause, this.#status);
    }
  }
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
