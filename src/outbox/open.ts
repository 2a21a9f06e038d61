import { schemas } from '../core/validation/schemas.js';
import { warmUp } from '../core/warm-up.js';
import { type Clock, systemClock, watchClock } from './clock.js';
import { OutboxContext } from './context.js';
import { bootId } from './disk/lock.js';
import { openJournal } from './disk/open-journal.js';
import { Emitter } from './emitter.js';
import { Forwarder } from './forwarder.js';
import type { Damage, Journal, JournalEvents, JournalOptions } from './journal.js';
import { OPEN_WITHIN_MS, selectSession } from './numbering.js';
import { checkSessionDevice, outboxSettings } from './options.js';
import { DurableOutbox } from './outbox.js';
import type { Outbox, OutboxOptions } from './types.js';

/** What opening takes besides asking the server. */
const OWN_MS = 300;

/** What a test may replace. */
export interface OutboxSeams {
  readonly clock?: Clock | undefined;
  /** As Math.random. */
  readonly random?: (() => number) | undefined;
  readonly openJournal?: ((options: JournalOptions) => Promise<Journal>) | undefined;
}

/**
 * Opens the outbox of a folder, and goes on where the last one stopped.
 *
 * @throws RufusConfigError - an option is missing or wrong, or the folder is of another device
 * @throws OutboxLockedError - another process uses the folder
 * @throws StorageError - the folder cannot be read or written, or a newer version wrote it
 * @throws NumberingUnknownError - the folder does not know the session, and the server cannot tell its next free number
 * @throws RufusError - a new session was to be created and was not
 *
 * @example
 * const client = new RufusClient();
 * const device = { type: 'reader', model: 'R1', serial_number: '0042' };
 * const outbox = await openOutbox({ client, directory: './finish', session: { device, open: 'active-or-new' } });
 * const { num_passing } = await outbox.append({ timestamp: new Date(), bib: '1024' });
 * await outbox.close();
 */
export function openOutbox(options: OutboxOptions): Promise<Outbox> {
  return openOutboxWith(options, {});
}

export async function openOutboxWith(options: OutboxOptions, seams: OutboxSeams): Promise<Outbox> {
  const settings = outboxSettings(options);
  const { client } = settings;
  const { clock = systemClock, random = Math.random } = seams;
  const begun = clock.mono();
  const remainingMs = (): number => OPEN_WITHIN_MS - OWN_MS - (clock.mono() - begun);
  // Neither an append nor a call waits for a file of the library later on.
  await Promise.all([schemas.load(), warmUp(client)]);
  checkSessionDevice(settings.session);
  const emitter = new Emitter();
  const tellDamage = (damage: Damage): void => emitter.emit('recovered', { ...damage });
  const events: Partial<JournalEvents> = {
    storage: (storage, cause) => emitter.emit('storage', { storage, cause }),
    damaged: tellDamage,
  };
  const journal = await (seams.openJournal ?? openJournal)({ ...settings.journal, clock, events });
  try {
    const context = new OutboxContext(client, journal, settings, clock, random, emitter);
    const { drain, device, replacements } = context;
    events.damaged = (damage) => {
      tellDamage(damage);
      drain.passed();
    };
    const { session: old, deviceid: former } = journal;
    const session = await device.bound(settings.session);
    const isNew = 'open' in session && session.open === 'new';
    // Creating a session closes the old one: what is pending there is delivered first.
    const leavesFirst = isNew && old !== null && journal.pending > 0;
    await selectSession({
      ...context,
      wanted: leavesFirst ? { token_session: old } : session,
      resume: true,
      withinMs: Math.max(1_000, Math.round(remainingMs())),
      create: async (owner) => {
        // Only a session with nothing pending is replaced: what is pending stays with its session.
        if (journal.pending > 0) await replacements.startBeside(owner);
        else await replacements.start(owner, async () => null);
      },
    });
    if (!leavesFirst) await device.remember(session, former);
    if (isDamage(journal.found)) tellDamage(journal.found);
    const forwarder = new Forwarder(context);
    events.committed = () => forwarder.committed();
    const unwatch = watchClock(clock, await beforeRestart(journal), (ms) => emitter.emit('clockStep', { ms }));
    const outbox = new DurableOutbox({ ...context, forwarder, unwatch });
    if (leavesFirst) await outbox.switchInBackground(session, Math.max(0, remainingMs()));
    outbox.start();
    return outbox;
  } catch (error) {
    await journal.close();
    throw error;
  }
}

/** The clocks of the last commit, unless the monotonic one has started anew since. */
async function beforeRestart({ lastCommit }: Journal): Promise<{ wall: number; mono: number } | null> {
  return lastCommit?.boot != null && lastCommit.boot === (await bootId()) ? lastCommit : null;
}

const isDamage = ({ records, tornBytes, corruptRecords }: Damage): boolean => records + tornBytes + corruptRecords > 0;
