import type { KeptPassing } from 'rufus-client/outbox';
import type { Context } from '../context.js';
import { exportRecords, type OutputOptions } from '../output/export.js';
import type { Fields } from '../output/formats.js';
import { AS_SENT } from '../passings/fields.js';
import { pagesOf, reading } from './reading.js';

type Row = Omit<KeptPassing, 'passing'> & KeptPassing['passing'];

const KEPT: Fields<Row> = {
  all: [...AS_SENT, 'token_session', 'state'],
  table: ['num_passing', 'timestamp', 'bib', 'chip', 'state', 'status', 'gender', 'participant_id'],
};

/** The local backup: what is delivered and still kept, and what is pending. */
export async function exportOutbox(context: Context, folder: string, options: OutputOptions): Promise<void> {
  await reading(folder, async (outbox) => {
    const { delivered, pending } = outbox.stats();
    await exportRecords(context, options, KEPT, pagesOf(outbox.passings(), rowOf), async (progress) => {
      progress.total = delivered + pending;
    });
    const { tornBytes, corruptRecords } = outbox.recovered;
    if (tornBytes + corruptRecords > 0) context.screen.warn(`The folder is damaged: see rufus outbox verify ${folder}`);
  });
}

const rowOf = ({ token_session, num_passing, passing, state }: KeptPassing): Row => ({
  token_session,
  num_passing,
  ...passing,
  state,
});
