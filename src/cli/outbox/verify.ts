import type { OutboxDamage } from 'rufus-client/outbox';
import { CommandError } from '../command-error.js';
import type { Context } from '../context.js';
import type { Fields, FormatOptions } from '../output/formats.js';
import { printList } from '../output/print.js';
import { reading, shortened } from './reading.js';

type Row = Omit<OutboxDamage, 'numbers'> & {
  readonly token_session: string | null;
  readonly first: number | null;
  readonly last: number | null;
};

const DAMAGE: Fields<Row> = {
  all: [
    'file',
    'from',
    'to',
    'kind',
    'passings',
    'undelivered',
    'token_session',
    'first',
    'last',
    'appendedAfter',
    'appendedBefore',
  ],
  table: ['file', 'from', 'to', 'kind', 'passings', 'undelivered', 'first', 'last', 'appendedAfter', 'appendedBefore'],
};

/** Reads all of a folder, and says what of it is not as it was written. */
export async function verifyOutbox(context: Context, folder: string, options: FormatOptions): Promise<void> {
  await reading(folder, async (outbox) => {
    const damage = await outbox.verify();
    if (damage.length === 0) {
      context.screen.note(`${folder} is as it was written: nothing is damaged.`);
      return;
    }
    await printList(context, options, DAMAGE, [damage.map(rowOf)]);
    throw new CommandError(adviceOn(damage, folder));
  });
}

function rowOf({ numbers, ...damage }: OutboxDamage): Row {
  const { token_session, first, last } = numbers ?? { token_session: '', first: null, last: null };
  return { ...damage, token_session: shortened(token_session) || null, first, last };
}

function adviceOn(damage: readonly OutboxDamage[], folder: string): string {
  const passings = damage.reduce((sum, each) => sum + each.passings, 0);
  const undelivered = damage.reduce((sum, each) => sum + each.undelivered, 0);
  const places = damage.length === 1 ? 'one place' : `${damage.length} places`;
  const isTorn = damage.every(({ kind }) => kind === 'torn');
  const isAckLost = damage.some(({ file }) => file === 'ack.dat');
  return [
    `${folder} is damaged in ${places}.`,
    isTorn &&
      'A write was cut short before it was confirmed: no passing is lost, and the next rufus forward cuts it off.',
    undelivered > 0 &&
      `${undelivered} passings that were not delivered cannot be read: take the reads of these times from the decoder's own memory, and replace the disk.`,
    undelivered === 0 &&
      passings > 0 &&
      `${passings} passings of the backup cannot be read; they were delivered. Replace the disk.`,
    isAckLost &&
      'ack.dat cannot be read: what was delivered since the last segment began is sent again, under the same numbers.',
    !isTorn &&
      passings === 0 &&
      !isAckLost &&
      'No passing is lost. Copy the folder to another disk before it gets worse.',
  ]
    .filter((part) => part !== false)
    .join(' ');
}
