import { PayloadTooLargeError, RufusConfigError, RufusError, RufusTimeoutError } from '../core/errors.js';
import type { Known } from '../core/known.js';
import { asInteger, CALL_OPTIONS, checkedOptions, duration } from '../core/options.js';
import type { InsertManyResult, InsertResult, PassingInput, RequestOptions } from '../types.js';
import { SourceReader } from './source-reader.js';

export type InsertManyOptions = RequestOptions & {
  batchSize?: number | undefined;
  onProgress?: ((sofar: InsertManyResult) => void) | undefined;
};

const OPTIONS: Known<InsertManyOptions> = { ...CALL_OPTIONS, batchSize: true, onProgress: true };

/** Sends one batch; `first` is the index of its first passing in the source. */
type SendBatch = (batch: readonly PassingInput[], first: number, options: RequestOptions) => Promise<InsertResult>;

export const INSERT_MANY = 'passings.insertMany';

/** Any number of passings in batches, in order, one request in flight. */
export async function insertMany(
  source: Iterable<PassingInput> | AsyncIterable<PassingInput>,
  options: InsertManyOptions,
  send: SendBatch,
): Promise<InsertManyResult> {
  const { batchSize = 500, onProgress, totalTimeoutMs, ...callOptions } = checkedOptions('options', options, OPTIONS);
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new RufusConfigError('`onProgress` must be a function.');
  }
  let limit = asInteger('batchSize', batchSize, 1);
  const remaining = budget(totalTimeoutMs);
  const reader = new SourceReader(source, options.signal, INSERT_MANY);
  const sofar: InsertManyResult = { inserted_count: 0, duplicate_count: 0, sent: 0, requests: 0 };
  let batch: PassingInput[] = [];
  try {
    for (;;) {
      await reader.fill(batch, limit);
      if (batch.length === 0) return sofar;
      const part = batch.length > limit ? batch.slice(0, limit) : batch;
      const receipt = await send(part, sofar.sent, { ...callOptions, totalTimeoutMs: remaining() }).catch(
        halveIfTooLarge,
      );
      sofar.requests++;
      if (receipt === 'too large') {
        // What fits is remembered: the server's limit does not grow in the meantime.
        limit = Math.ceil(part.length / 2);
        continue;
      }
      sofar.inserted_count += count(receipt.inserted_count);
      sofar.duplicate_count += count(receipt.duplicate_count);
      sofar.sent += part.length;
      batch = batch.slice(part.length);
      onProgress?.({ ...sofar });

      function halveIfTooLarge(error: unknown): 'too large' {
        if (error instanceof PayloadTooLargeError && part.length > 1) return 'too large';
        throw error;
      }
    }
  } catch (error) {
    // An error of the user's own source passes through unchanged.
    if (error instanceof RufusError && error !== reader.failure) Object.assign(error, { progress: sofar });
    throw error;
  } finally {
    await reader.close();
  }
}

/** The API may leave a count out, and drift may make it anything. */
function count(reported: unknown): number {
  return Number.isSafeInteger(reported) && (reported as number) > 0 ? (reported as number) : 0;
}

/** What is left of the whole call's time for the next request. */
function budget(totalTimeoutMs: number | undefined): () => number | undefined {
  if (totalTimeoutMs === undefined) return () => undefined;
  const endsAt = performance.now() + duration('totalTimeoutMs', totalTimeoutMs);
  return () => {
    const left = endsAt - performance.now();
    if (left > 0) return left;
    throw new RufusTimeoutError(`${INSERT_MANY}: not all was sent within ${totalTimeoutMs} ms (totalTimeoutMs).`, {
      operation: INSERT_MANY,
      timeoutMs: totalTimeoutMs,
    });
  };
}
