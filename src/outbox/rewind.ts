import { timestampExpectation, wireTimestamp } from '../core/timestamp.js';
import { demandNone } from '../core/validation/demand.js';
import type { Issue } from '../types.js';
import type { Courier } from './courier.js';
import type { Entry, Journal } from './journal.js';

export interface Window {
  readonly from: string | Date;
  readonly to: string | Date;
}

/** Sends what was delivered in a window of time again, a batch at a time. */
export async function rewind(journal: Journal, courier: Courier, window: Window, max: number): Promise<number> {
  const { from, to } = bounds(window);
  let batch: Entry[] = [];
  let sent = 0;
  const send = async (): Promise<void> => {
    if (batch.length === 0) return;
    await courier.resend(batch);
    sent += batch.length;
    batch = [];
  };
  for await (const piece of journal.history()) {
    for (const entry of piece) {
      const { timestamp } = entry.passing;
      // What is pending is sent anyway. Timestamps are all of one form: the order of the texts is that of the times.
      if (entry.state !== 'delivered' || timestamp < from || timestamp > to) continue;
      if (batch.length >= max || (batch[0] ?? entry).token_session !== entry.token_session) await send();
      batch.push(entry);
    }
  }
  await send();
  return sent;
}

function bounds(window: Window): { from: string; to: string } {
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
  demandNone('outbox.rewind', issues);
  return { from, to };
}
