import { refuseUnknown } from '../core/option-names.js';
import { isRecord } from '../core/payload.js';
import { timestampExpectation, wireTimestamp } from '../core/timestamp.js';
import { assertNoIssues } from '../core/validation/issues.js';
import type { Issue } from '../types.js';
import { Batch, type BatchQueue } from './batch.js';
import type { OutboxContext } from './context.js';
import { OutboxClosedError } from './errors.js';
import type { Entry } from './journal.js';
import type { Outbox } from './types.js';

/** Passings of one session that are sent again. They are not pending in the log. */
interface Resend extends BatchQueue {
  readonly finish: (error?: unknown) => void;
}

/** Batches that rewinds send again, in turn with the log: neither waits for the end of the other. */
export class Resends {
  readonly #context: OutboxContext;
  readonly #waiting = new Set<Resend>();
  /** Rewinds under way: each adds a batch at a time. */
  #rewinds = 0;
  #isNext = true;
  #closed = false;

  constructor(context: OutboxContext) {
    this.#context = context;
  }

  get none(): boolean {
    return this.#waiting.size === 0;
  }

  get rewinding(): boolean {
    return this.#rewinds > 0;
  }

  /** Sends again what was delivered in a window of time, a batch at a time; counts what a closed session does not take. */
  async rewind(window: Window): ReturnType<Outbox['rewind']> {
    const { from, to } = bounds(window);
    const { journal, settings, timer } = this.#context;
    let batch: Entry[] = [];
    let sent = 0;
    const skipped = new Map<string, number>();
    const skip = (token_session: string, count: number): void =>
      void skipped.set(token_session, (skipped.get(token_session) ?? 0) + count);
    const send = async (): Promise<void> => {
      const [first] = batch;
      if (first === undefined) return;
      const confirmed = await this.add(batch);
      sent += confirmed;
      if (confirmed < batch.length) skip(first.token_session, batch.length - confirmed);
      batch = [];
    };
    this.#rewinds++;
    try {
      for await (const chunk of journal.history()) {
        for (const entry of chunk) {
          const { passing, token_session, state } = entry;
          const { timestamp } = passing;
          // What is pending is sent anyway. All timestamps have one form: text order is time order.
          if (state !== 'delivered' || timestamp < from || timestamp > to) continue;
          if (batch.length >= settings.batch.max || (batch[0] ?? entry).token_session !== token_session) await send();
          // A closed session is asked once.
          if (skipped.has(token_session)) skip(token_session, 1);
          else batch.push(entry);
        }
      }
      await send();
    } finally {
      this.#rewinds--;
      timer.wake('work');
    }
    return { sent, skipped: [...skipped].map(([token_session, count]) => ({ token_session, count })) };
  }

  /** Passings of one session. Resolves with how many of them the server has confirmed: fewer than all if the session is closed. */
  add(entries: readonly Entry[]): Promise<number> {
    const { journal, timer } = this.#context;
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new OutboxClosedError());
      const batch = new Batch(entries);
      const finish = (error?: unknown): void => {
        this.#waiting.delete(resend);
        if (error === undefined) resolve(entries.length - batch.length);
        else reject(error);
      };
      const resend: Resend = {
        batch,
        finish,
        delivered(_, tallies) {
          journal.tally(tallies);
          if (batch.length === 0) finish();
        },
        // Duplicates are expected anyway: the server has confirmed these once.
        inDoubt() {},
        rejected: (_, { cause }) => finish(cause),
        sessionClosed: () => finish(),
      };
      this.#waiting.add(resend);
      timer.wake('work');
    });
  }

  /** The one to send now; undefined where it is the log's turn. */
  next(logIsDue: boolean): BatchQueue | undefined {
    const [resend] = this.#waiting;
    this.#isNext = resend === undefined || !(this.#isNext || !logIsDue);
    return this.#isNext ? undefined : resend;
  }

  close(): void {
    this.#closed = true;
    for (const { finish } of this.#waiting) finish(new OutboxClosedError());
  }
}

type Window = Parameters<Outbox['rewind']>[0];

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
