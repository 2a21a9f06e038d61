import type { ParkedPassing } from 'rufus-client/outbox';
import type { Context } from '../context.js';
import type { Fields, FormatOptions } from '../output/formats.js';
import { printList } from '../output/print.js';
import { AS_SENT } from '../passings/fields.js';
import { pagesOf, reading, shortened } from './reading.js';

type Row = Omit<ParkedPassing, 'passing' | 'status'> &
  ParkedPassing['passing'] & { readonly http_status: number | undefined };

const PARKED: Fields<Row> = {
  all: [...AS_SENT, 'token_session', 'reason', 'http_status', 'response'],
  table: ['num_passing', 'timestamp', 'bib', 'chip', 'reason', 'http_status', 'response', 'token_session'],
};

/** What the server refused, and why. */
export async function listParked(context: Context, folder: string, options: FormatOptions): Promise<void> {
  await reading(folder, (outbox) => printList(context, options, PARKED, pagesOf(outbox.parked(), rowOf)));
}

function rowOf({ token_session, num_passing, passing, reason, status, response }: ParkedPassing): Row {
  const where = { token_session: shortened(token_session), num_passing };
  return { ...where, ...passing, reason, http_status: status, response };
}
