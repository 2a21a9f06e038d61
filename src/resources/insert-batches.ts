import { loopTurn } from '../core/abort.js';
import { PayloadTooLargeError } from '../core/errors.js';
import type { EncodedInput, Operation } from '../core/operation.js';
import { insertPassings } from '../core/operations.js';
import type { Transport } from '../core/transport.js';
import { assertNoIssues, assertValid, MAX_ISSUES } from '../core/validation/issues.js';
import { asValidated, type WirePassing, wirePassings } from '../core/validation/passings.js';
import type { InsertManyResult, InsertResult, Issue, PassingInput, RequestOptions } from '../types.js';
import type { SourceReader } from './source-reader.js';

/** The same request, its arguments checked and encoded beforehand. */
const insertEncoded: Operation<EncodedInput, InsertResult> = { ...insertPassings, encode: (input) => () => input };

interface Course {
  readonly batchSize: number;
  /** Of the next request. */
  nextOptions(): RequestOptions;
  readonly onProgress: ((sofar: InsertManyResult) => void) | undefined;
  /** Kept up to date with what the server has confirmed. */
  readonly sofar: InsertManyResult;
}

/** Any number of passings in batches, in order, one request in flight; the batch after it is made ready meanwhile. */
export async function insertBatches(
  transport: Transport,
  token_session: string,
  reader: SourceReader<PassingInput>,
  { batchSize, nextOptions, onProgress, sofar }: Course,
): Promise<void> {
  let limit = batchSize;
  const queue = new BatchQueue(reader, token_session);
  for (;;) {
    const batch = await queue.next(limit);
    if (batch === undefined) return;
    const count = batch.passings.length;
    const request = transport.call(insertEncoded, batch.input, nextOptions()).catch(tooLarge);
    queue.prepare(limit);
    const receipt = await request;
    sofar.requests++;
    if (receipt === 'too large') {
      queue.putBack(batch);
      // What fits is remembered: the server's limit does not grow in the meantime.
      limit = Math.ceil(count / 2);
      continue;
    }
    sofar.inserted_count += reported(receipt.inserted_count);
    sofar.duplicate_count += reported(receipt.duplicate_count);
    sofar.sent += count;
    onProgress?.({ ...sofar });

    function tooLarge(error: unknown): 'too large' {
      if (error instanceof PayloadTooLargeError && count > 1) return 'too large';
      throw error;
    }
  }
}

/** The API may leave a count out, and drift may make it anything. */
function reported(count: unknown): number {
  return Number.isSafeInteger(count) && (count as number) > 0 ? (count as number) : 0;
}

/** What one request sends. */
interface Batch {
  readonly passings: readonly WirePassing[];
  readonly input: EncodedInput;
}

/** Cuts a source into batches, and gets the next one ready while a request is under way. */
class BatchQueue {
  readonly #reader: SourceReader<PassingInput>;
  readonly #token_session: string;
  readonly #numbers = new NumbersSeen();
  /** Read and validated, in order. */
  #passings: WirePassing[] = [];
  #read = 0;
  /** Those at the front, encoded. */
  #ready: Batch | undefined;
  #reading: Promise<void> = Promise.resolve();
  /** Of the source or of validation: thrown once everything before it has been sent. */
  #failure: { readonly error: unknown } | undefined;

  constructor(reader: SourceReader<PassingInput>, token_session: string) {
    this.#reader = reader;
    this.#token_session = token_session;
  }

  /** The next `size` passings, fewer at the end; undefined after it. */
  async next(size: number): Promise<Batch | undefined> {
    if (this.#passings.length < size) {
      await this.#reading;
      await this.#fill(size);
    }
    if (this.#passings.length > 0) return this.#take(size);
    if (this.#failure !== undefined) throw this.#failure.error;
    return undefined;
  }

  /** Gets ready what {@link next} will give. To be called when a request is under way. */
  prepare(size: number): void {
    this.#reading = this.#reading
      .then(() => loopTurn())
      .then(() => this.#fill(size))
      .then(() => {
        if (this.#passings.length > 0) this.#ready ??= this.#front(size);
      })
      // What cannot be encoded is told when its turn comes.
      .catch(() => {});
  }

  /** They come again, before everything else. */
  putBack({ passings }: Batch): void {
    this.#passings = [...passings, ...this.#passings];
    this.#ready = undefined;
  }

  async #fill(size: number): Promise<void> {
    if (this.#failure !== undefined) return;
    const given: PassingInput[] = [];
    try {
      await this.#reader.fill(given, size - this.#passings.length);
      if (given.length === 0) return;
      const passings = assertValid(insertPassings.name, wirePassings(given, this.#read), this.#read);
      assertNoIssues(insertPassings.name, this.#numbers.add(passings, this.#read), this.#read);
      this.#passings = this.#passings.concat(passings);
      this.#read += given.length;
    } catch (error) {
      this.#failure = { error };
    }
  }

  #take(size: number): Batch {
    const count = Math.min(size, this.#passings.length);
    const batch = this.#ready?.passings.length === count ? this.#ready : this.#front(count);
    this.#passings = this.#passings.slice(count);
    this.#ready = undefined;
    return batch;
  }

  #front(size: number): Batch {
    const passings = this.#passings.slice(0, size);
    const body = { token_session: this.#token_session, passings: asValidated(passings) };
    // Validated: no schema is needed.
    return { passings, input: insertPassings.encode({ body })() };
  }
}

const BITS = 32;

/** The numbers of all batches so far, one bit per number: a million in a row take some 2 MB. */
class NumbersSeen {
  readonly #words = new Map<number, number>();

  /** Those of the next batch, which begins at index `first`. Returns which came before: the server would count them as duplicates and drop them. */
  add(passings: readonly WirePassing[], first: number): Issue[] {
    const repeated: Issue[] = [];
    // Most numbers are in the word of the one before: it is looked up once for all of them.
    let at = -1;
    let word = 0;
    const keep = (): void => void (at !== -1 && this.#words.set(at, word));
    for (let index = 0; index < passings.length; index++) {
      const { num_passing } = passings[index]!;
      const wanted = Math.floor(num_passing / BITS);
      if (wanted !== at) {
        keep();
        at = wanted;
        word = this.#words.get(at) ?? 0;
      }
      const bit = 1 << (num_passing % BITS);
      if ((word & bit) !== 0) {
        const path = ['passings', first + index, 'num_passing'];
        repeated.push({ path, message: 'is that of a passing before it, too' });
      }
      word |= bit;
    }
    keep();
    return repeated.slice(0, MAX_ISSUES);
  }
}
