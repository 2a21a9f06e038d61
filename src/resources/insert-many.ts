import { PayloadTooLargeError, RufusConfigError, RufusError, RufusTimeoutError } from '../core/errors.js';
import type { Known } from '../core/known.js';
import { asInteger, CALL_OPTIONS, checkedOptions, duration } from '../core/options.js';
import type { InsertManyResult, InsertResult, PassingInput, RequestOptions } from '../types.js';
import { type Batch, BatchQueue, type Preparation } from './batch-queue.js';
import { SourceReader } from './source-reader.js';

export type InsertManyOptions = RequestOptions & {
  batchSize?: number | undefined;
  onProgress?: ((sofar: InsertManyResult) => void) | undefined;
};

const OPTIONS: Known<InsertManyOptions> = { ...CALL_OPTIONS, batchSize: true, onProgress: true };

type SendBatch = (batch: Batch, options: RequestOptions) => Promise<InsertResult>;

export const INSERT_MANY = 'passings.insertMany';

/** Any number of passings in batches, in order, one request in flight; the batch after it is made ready meanwhile. */
export async function insertMany(
  source: Iterable<PassingInput> | AsyncIterable<PassingInput>,
  options: InsertManyOptions,
  preparation: Preparation,
  send: SendBatch,
): Promise<InsertManyResult> {
  const { batchSize = 500, onProgress, totalTimeoutMs, ...callOptions } = checkedOptions('options', options, OPTIONS);
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new RufusConfigError('`onProgress` must be a function.');
  }
  let limit = asInteger('batchSize', batchSize, 1);
  const remaining = budget(totalTimeoutMs);
  const reader = new SourceReader(source, options.signal, INSERT_MANY);
  const queue = new BatchQueue(reader, preparation);
  const sofar: InsertManyResult = { inserted_count: 0, duplicate_count: 0, sent: 0, requests: 0 };
  try {
    for (;;) {
      const batch = await queue.next(limit);
      if (batch === undefined) return sofar;
      const count = batch.passings.length;
      const request = send(batch, { ...callOptions, totalTimeoutMs: remaining() }).catch(tooLarge);
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
  } catch (error) {
    // An error of the user's own source passes through unchanged.
    if (error instanceof RufusError && error !== reader.failure) Object.assign(error, { progress: sofar });
    throw error;
  } finally {
    await reader.close();
  }
}

/** The API may leave a count out, and drift may make it anything. */
function reported(count: unknown): number {
  return Number.isSafeInteger(count) && (count as number) > 0 ? (count as number) : 0;
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
