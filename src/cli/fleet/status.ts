import type { FleetStatus } from 'rufus-client/fleet';
import type { Context } from '../context.js';
import { chosenFormat, type FormatOptions, recordWriter } from '../output/formats.js';
import { stdout } from '../output/stdout.js';
import { withOpened } from './opened.js';
import type { FleetCommandOptions } from './options.js';

/** Prints who works, who follows what, how far consumers are and how boxes stand. */
export async function showStatus(context: Context, options: FleetCommandOptions & FormatOptions): Promise<void> {
  await withOpened(context, options, { needsKey: false, waits: false }, async (fleet) => {
    const status = await fleet.status();
    const format = chosenFormat(options, { isOne: true, elsewhere: 'json' });
    await stdout.write(format === 'table' ? tables(status, context) : `${JSON.stringify(status, null, 2)}\n`);
  });
}

function tables({ workers, devices, consumers, boxes }: FleetStatus, context: Context): string {
  const table = <T extends object>(rows: readonly T[], columns: readonly (keyof T & string)[]): string =>
    recordWriter<T>('table', { all: columns, table: columns }, context).chunk(rows);
  return [
    `Workers\n${table(workers, ['worker', 'role', 'devices', 'seenAt'])}`,
    `Devices\n${table(devices, ['deviceid', 'followedBy', 'lastPassingAt', 'lastError'])}`,
    `Consumers\n${table(consumers, ['consumer', 'behind'])}`,
    `Boxes\n${table(boxes, ['box', 'seenAt', 'state', 'pending', 'parked', 'oldestPendingAgeMs', 'delivered', 'storage'])}`,
  ].join('\n');
}
