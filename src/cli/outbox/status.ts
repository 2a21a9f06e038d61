import type { OutboxStats } from 'rufus-client/outbox';
import type { Context } from '../context.js';
import type { FormatOptions } from '../output/formats.js';
import { printOne } from '../output/print.js';
import { reading } from './reading.js';

const FIELDS = [
  'state',
  'storage',
  'token_session',
  'appended',
  'delivered',
  'parked',
  'pending',
  'inserted',
  'duplicates',
  'requests',
  'retries',
  'diskBytes',
  'oldestPendingAgeMs',
  'lastDeliveredAt',
  'lastError',
] as const satisfies readonly (keyof OutboxStats)[];

/** How a folder stands. */
export async function showStatus(context: Context, folder: string, options: FormatOptions): Promise<void> {
  await reading(folder, async (outbox) => {
    // As JSON it holds no whole token.
    await printOne(context, options, FIELDS, JSON.parse(JSON.stringify(outbox.stats())) as OutboxStats);
    const { tornBytes, corruptRecords } = outbox.recovered;
    if (tornBytes + corruptRecords > 0) context.screen.warn(`The folder is damaged: see rufus outbox verify ${folder}`);
  });
}
