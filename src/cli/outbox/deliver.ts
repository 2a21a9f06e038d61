import { once } from 'node:events';
import { resolve } from 'node:path';
import { type Outbox, openOutbox, type ParkedPassing } from 'rufus-client/outbox';
import { CommandError } from '../command-error.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit-codes.js';
import type { FormatOptions } from '../output/formats.js';
import { printOne } from '../output/print.js';
import { reading, shortened } from './reading.js';

export interface DeliverOptions extends FormatOptions {
  /** How long to deliver, in milliseconds. */
  readonly drain: number;
}

export interface RequeueOptions extends DeliverOptions {
  readonly session?: string;
  readonly reason?: ParkedPassing['reason'];
}

export interface RewindOptions extends DeliverOptions {
  readonly from: string;
  readonly to: string;
}

/** Sends parked passings again, as new ones. */
export async function requeue(context: Context, folder: string, options: RequeueOptions): Promise<void> {
  const { reason, session } = options;
  await opened(context, folder, session, async (outbox, within) => {
    const requeued = (await outbox.requeue((parked) => reason === undefined || parked.reason === reason)).length;
    if (requeued === 0) context.screen.note('Nothing that is parked is to be sent again.');
    const failure = await within(options.drain, outbox.drained()).then(
      () => undefined,
      (error: unknown) => error,
    );
    const { pending, parked, lastError } = outbox.stats();
    await printOne(context, options, ['requeued', 'pending', 'parked'], { requeued, pending, parked });
    if (failure !== undefined) throw failure;
    if (pending > 0) {
      const why = lastError === null ? '' : ` (${lastError})`;
      context.screen.warn(`${pending} are not delivered yet${why}: run rufus forward, or this again.`);
    }
    if (parked > 0) context.screen.warn(`${parked} are parked: see rufus outbox parked ${folder}`);
    if (pending + parked > 0) context.exitCode = context.interruption.exitCode ?? EXIT.left;
  });
}

/** Sends delivered passings again, under their numbers: the server keeps what it has. */
export async function rewind(context: Context, folder: string, options: RewindOptions): Promise<void> {
  const { from, to } = options;
  await opened(context, folder, undefined, async (outbox, within) => {
    const rewound = await within(options.drain, outbox.rewind({ from, to }));
    if (rewound === undefined) {
      const { lastError } = outbox.stats();
      const why = context.signal.aborted || lastError === null ? '' : ` (${lastError})`;
      throw new CommandError(
        `Stopped before all was confirmed${why}: run it again, nothing is stored twice.`,
        EXIT.unusable,
      );
    }
    const { sent, skipped } = rewound;
    const left = skipped.reduce((sum, { count }) => sum + count, 0);
    await printOne(context, options, ['sent', 'skipped'], { sent, skipped: left });
    for (const { token_session, count } of skipped) {
      context.screen.warn(`${count} were not sent: session ${shortened(token_session)} is closed.`);
    }
    if (left > 0) context.exitCode = EXIT.left;
  });
}

/** Waits for what is under way for so many milliseconds, and no longer than until Ctrl-C: undefined then. Rejects where only a person can help. */
type Within = <T>(ms: number, work: Promise<T>) => Promise<T | undefined>;

/** Goes on with the session of the folder, if no other is given. */
async function opened(
  context: Context,
  folder: string,
  session: string | undefined,
  work: (outbox: Outbox, within: Within) => Promise<void>,
): Promise<void> {
  // Opened, a folder that is not there would be made.
  const current = await reading(folder, async (outbox) => outbox.stats().token_session);
  const token_session = session ?? current;
  if (token_session === '') throw new CommandError(`${folder} has no session yet: nothing was ever appended to it.`);
  const outbox = await openOutbox({
    client: await context.client(),
    directory: resolve(folder),
    session: { token_session },
  });
  const blocked = new Promise<never>((_, reject) => {
    outbox.on('state', (state, cause) => {
      if (state === 'blocked') reject(cause);
    });
  });
  blocked.catch(() => {});
  const { signal } = context;
  const within: Within = async (ms, underWay) => {
    underWay.catch(() => {});
    const over = new AbortController();
    const end = () => over.abort();
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
    const ended = over.signal.aborted ? undefined : once(over.signal, 'abort').then(() => undefined);
    try {
      return await Promise.race([underWay, blocked, ended]);
    } finally {
      clearTimeout(timer);
    }
  };
  try {
    await work(outbox, within);
  } finally {
    await outbox.close();
  }
}
