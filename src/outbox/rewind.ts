import { isRecord } from '../core/envelope.js';
import { refuseUnknown } from '../core/known.js';
import { timestampExpectation, wireTimestamp } from '../core/timestamp.js';
import { assertNoIssues } from '../core/validation/assert-valid.js';
import type { Issue } from '../types.js';
import type { Forwarder } from './forwarder.js';
import type { Entry, Journal } from './journal.js';

export interface Window {
  readonly from: string | Date;
  readonly to: string | Date;
}

/** What a rewind came to. */
export interface Rewound {
  readonly sent: number;
  readonly skipped: readonly { readonly token_session: string; readonly count: number }[];
}

/** Sends what was delivered in a window of time again, a batch at a time; what belongs to a closed session is counted. */
export async function rewind(journal: Journal, forwarder: Forwarder, window: Window, max: number): Promise<Rewound> {
  const { from, to } = bounds(window);
  let batch: Entry[] = [];
  let sent = 0;
  const skipped = new Map<string, number>();
  const skip = (token_session: string, count: number): void =>
    void skipped.set(token_session, (skipped.get(token_session) ?? 0) + count);
  const send = async (): Promise<void> => {
    const [first] = batch;
    if (first === undefined) return;
    const confirmed = await forwarder.resend(batch);
    sent += confirmed;
    if (confirmed < batch.length) skip(first.token_session, batch.length - confirmed);
    batch = [];
  };
  for await (const chunk of journal.history()) {
    for (const entry of chunk) {
      const { passing, token_session, state } = entry;
      const { timestamp } = passing;
      // What is pending is sent anyway. Timestamps are all of one form: the order of the texts is that of the times.
      if (state !== 'delivered' || timestamp < from || timestamp > to) continue;
      if (batch.length >= max || (batch[0] ?? entry).token_session !== token_session) await send();
      // Each session is asked once: a closed one stays closed.
      if (skipped.has(token_session)) skip(token_session, 1);
      else batch.push(entry);
    }
  }
  await send();
  return { sent, skipped: [...skipped].map(([token_session, count]) => ({ token_session, count })) };
}

function bounds(window: Window): { from: string; to: string } {
  if (isRecord(window)) refuseUnknown('window', window, { from: true, to: true });
  const issues: Issue[] = [];
  const bound = (name: 'from' | 'to'): string => {
    const text = wireTimestamp(window?.[name]);
    if (text === undefined) issues.push({ path: [name], message: timestampExpectation(window?.[name]) });
    return text ?? '';
  };
  const from = bound('from');
  const to = bound('to');
  if (issues.length === 0 && from > to)
    issues.push({ path: ['from'], message: 'expected a time that is not after `to`' });
  assertNoIssues('outbox.rewind', issues);
  return { from, to };
}
