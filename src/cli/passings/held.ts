import type { Passing, PassingInput, RufusClient } from 'rufus-client';
import { passingTime } from 'rufus-client';
import type { Context } from '../context.js';
import { Progress } from '../output/progress.js';

/** What tells a passing from another one with its number. */
export function identityOf({ timestamp, bib, chip }: Pick<PassingInput, 'timestamp' | 'bib' | 'chip'>): string {
  return `${String(timestamp)} ${bib} ${chip ?? ''}`;
}

/** What a session holds: for each num_passing, which one it is. */
export type Held = ReadonlyMap<number, string>;

/** Reads all that the session holds. */
export async function readHeld(client: RufusClient, token_session: string, context: Context): Promise<Held> {
  const held = new Map<number, string>();
  const progress = new Progress(context.screen, 'Reading what the session holds');
  for await (const { items } of client.passings.listBySession(token_session, { prefetch: 4 }, context.call).pages()) {
    for (const passing of items) held.set(passing.num_passing, identityOf({ ...passing, timestamp: timeOf(passing) }));
    progress.at(held.size);
  }
  context.screen.clearStatus();
  return held;
}

function timeOf(passing: Passing): string {
  try {
    return passingTime(passing).toISOString();
  } catch {
    return passing.timestamp;
  }
}
