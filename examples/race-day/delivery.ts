import { setTimeout } from 'node:timers/promises';
import type { PassingInput, RufusClient } from 'rufus-client';
import { type OutboxStats, openOutbox } from 'rufus-client/outbox';

/** What one device has to do. Plain data: it may be handed to another process. */
export interface Job {
  readonly passings: readonly PassingInput[];
  readonly token_session: string;
  /** The folder of the outbox. */
  readonly directory: string;
  /** Between two looks at the mat. */
  readonly pauseMs: number;
}

const READS_A_LOOK = 250;
const MAT = 'mat';

/** How often a mat is looked at until all its reads are taken. */
export const looksAt = (passings: readonly PassingInput[]): number => Math.ceil(passings.length / READS_A_LOOK);

/**
 * Takes the reads off the mat, into the outbox and to the server. After a crash it goes on where it stopped: the outbox
 * stores with each list of reads how far the mat has been read.
 */
export async function deliver(
  client: RufusClient,
  { passings, token_session, directory, pauseMs }: Job,
  onDelivered: (count: number) => void,
): Promise<OutboxStats> {
  const session = { token_session, startAt: 1 };
  await using outbox = await openOutbox({ client, directory, session, backoff: { firstMs: 50, maxMs: 1_000 } });
  outbox.on('delivered', ({ count }) => onDelivered(count));

  let position = Number(outbox.position(MAT) ?? 0);
  while (position < passings.length) {
    // The outbox numbers them.
    const reads = passings.slice(position, position + READS_A_LOOK).map(({ num_passing: _, ...read }) => read);
    position += reads.length;
    await outbox.append(reads, { source: { name: MAT, position } });
    if (pauseMs > 0) await setTimeout(pauseMs);
  }
  await outbox.drained();
  return outbox.stats();
}
