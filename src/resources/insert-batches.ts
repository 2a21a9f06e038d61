import { PayloadTooLargeError } from '../core/errors.js';
import type { EncodedInput, Operation } from '../core/operation.js';
import { insertPassings } from '../core/operations.js';
import type { Transport } from '../core/transport.js';
import { assertNoIssues, assertValid } from '../core/validation/issues.js';
import { asValidated, wirePassings } from '../core/validation/passings.js';
import type { InsertManyResult, InsertResult, PassingInput, RequestOptions } from '../types.js';
import { BatchQueue, type Preparation } from './batch-queue.js';
import { NumbersSent } from './numbers-sent.js';
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
  const queue = new BatchQueue(reader, preparation(token_session));
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

function preparation(token_session: string): Preparation {
  const numbers = new NumbersSent();
  return {
    validate(batch, first) {
      const passings = assertValid(insertPassings.name, wirePassings(batch, first), first);
      assertNoIssues(insertPassings.name, numbers.repeatedIn(passings, first), first);
      numbers.add(passings);
      return passings;
    },
    // Validated: no schema is needed.
    encode: (passings) => insertPassings.encode({ body: { token_session, passings: asValidated(passings) } })(),
  };
}

/** The API may leave a count out, and drift may make it anything. */
function reported(count: unknown): number {
  return Number.isSafeInteger(count) && (count as number) > 0 ? (count as number) : 0;
}
