import { RufusConfigError, RufusError, RufusTimeoutError } from '../core/errors.js';
import { Lazy } from '../core/lazy.js';
import type { Known } from '../core/option-names.js';
import { asInteger, CALL_OPTIONS, checkedOptions, duration } from '../core/options.js';
import type { Transport } from '../core/transport.js';
import { assertNoIssues } from '../core/validation/issues.js';
import { checkId } from '../core/validation/parameters.js';
import type { InsertManyResult, PassingInput, RequestOptions } from '../types.js';
import { SourceReader } from './source-reader.js';

export type InsertManyOptions = RequestOptions & {
  batchSize?: number | undefined;
  onProgress?: ((sofar: InsertManyResult) => void) | undefined;
};

const OPTIONS: Known<InsertManyOptions> = { ...CALL_OPTIONS, batchSize: true, onProgress: true };

const INSERT_MANY = 'passings.insertMany';

const batches = new Lazy(() => import('./insert-batches.js'));

/** Any number of passings. The options are read and the source is opened at once; everything else is loaded with the first use. */
export async function insertMany(
  transport: Transport,
  token_session: string,
  source: Iterable<PassingInput> | AsyncIterable<PassingInput>,
  options: InsertManyOptions,
): Promise<InsertManyResult> {
  assertNoIssues(INSERT_MANY, checkId('token_session', token_session));
  const { batchSize = 500, onProgress, totalTimeoutMs, ...callOptions } = checkedOptions('options', options, OPTIONS);
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new RufusConfigError('`onProgress` must be a function.');
  }
  asInteger('batchSize', batchSize, 1);
  const remaining = budget(totalTimeoutMs);
  const reader = new SourceReader(source, callOptions.signal, INSERT_MANY);
  const sofar: InsertManyResult = { inserted_count: 0, duplicate_count: 0, sent: 0, requests: 0 };
  try {
    const [{ insertBatches }] = await Promise.all([batches.load(), transport.warmUp()]);
    const nextOptions = (): RequestOptions => ({ ...callOptions, totalTimeoutMs: remaining() });
    await insertBatches(transport, token_session, reader, { batchSize, nextOptions, onProgress, sofar });
    return sofar;
  } catch (error) {
    // An error of the user's own source passes through unchanged.
    if (error instanceof RufusError && error !== reader.failure) Object.assign(error, { progress: sofar });
    throw error;
  } finally {
    await reader.close();
  }
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
