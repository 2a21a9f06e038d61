import type { Passing } from 'rufus-client';
import { CommandError } from '../command-error.js';
import type { Context } from '../context.js';
import { chosenFormat, type FormatOptions, recordWriter } from '../output/formats.js';
import { stdout } from '../output/stdout.js';
import { PASSING, withUtcTimes } from '../passings/fields.js';
import { withOpened } from './opened.js';
import type { FleetCommandOptions } from './options.js';

export interface FleetPassingsCommandOptions extends FleetCommandOptions, FormatOptions {
  readonly consumer: string;
  readonly device?: string;
}

/** Prints what the readers store, from where this consumer's name stands, until it is stopped. */
export async function printPassings(context: Context, options: FleetPassingsCommandOptions): Promise<void> {
  const { signal } = context;
  const { consumer, device: deviceid } = options;
  const fields = { all: PASSING.all, table: ['deviceid', ...PASSING.table] as const };
  const writer = recordWriter<Passing>(chosenFormat(options, { elsewhere: 'jsonl' }), fields, context);
  let { head } = writer;
  await withOpened(context, options, { needsKey: false, waits: true }, async (fleet) => {
    try {
      for await (const batch of fleet.passings({ consumer, ...(deviceid !== undefined && { deviceid }), signal })) {
        const { token_session } = batch;
        const rows = withUtcTimes(batch.passings).map((passing) => ({
          ...passing,
          token_session,
          deviceid: batch.deviceid,
        }));
        await stdout.write(head + writer.chunk(rows));
        head = '';
        await batch.ack();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new CommandError('Stopped. Run it again to go on here.');
    }
  });
}
