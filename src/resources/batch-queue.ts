import { loopTurn } from '../core/abort.js';
import type { EncodedInput } from '../core/operation.js';
import type { WirePassing } from '../core/validation/passings.js';
import type { PassingInput } from '../types.js';
import type { SourceReader } from './source-reader.js';

/** What one request sends. */
export interface Batch {
  readonly passings: readonly WirePassing[];
  readonly input: EncodedInput;
}

/** How passings get ready to be sent. */
export interface Preparation {
  /** Validates what the source gave; `first` is the index of its first passing in the source. */
  validate(passings: readonly PassingInput[], first: number): WirePassing[];
  encode(passings: WirePassing[]): EncodedInput;
}

/** Cuts a source into batches, and gets the next one ready while a request is under way. */
export class BatchQueue {
  readonly #reader: SourceReader<PassingInput>;
  readonly #preparation: Preparation;
  /** Read and validated, in order. */
  #passings: WirePassing[] = [];
  #read = 0;
  /** Those at the front, encoded. */
  #ready: Batch | undefined;
  #reading: Promise<void> = Promise.resolve();
  /** Of the source or of validation: thrown once everything before it has been sent. */
  #failure: { readonly error: unknown } | undefined;

  constructor(reader: SourceReader<PassingInput>, preparation: Preparation) {
    this.#reader = reader;
    this.#preparation = preparation;
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
      this.#passings = this.#passings.concat(this.#preparation.validate(given, this.#read));
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
    return { passings, input: this.#preparation.encode(passings) };
  }
}
