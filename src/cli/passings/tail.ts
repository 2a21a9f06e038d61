import { type FollowBatch, type FollowState, NotFoundError, type Passing, type RufusClient } from 'rufus-client';
import { CommandError } from '../command-error.js';
import type { Context } from '../context.js';
import { chosenFormat, type Fields, type FormatOptions, type RecordWriter, recordWriter } from '../output/formats.js';
import { stdout } from '../output/stdout.js';
import { type Cursor, CursorFile, cursorBehind, cursorWithin } from './cursors.js';
import { PASSING, withUtcTimes } from './fields.js';

export interface TailOptions extends FormatOptions {
  readonly cursors?: string;
  readonly fromStart?: boolean;
}

/** `device`: its name, for tables only. */
type Row = Passing & { readonly device?: string };

const COLUMNS = ['timestamp', 'num_passing', 'bib', 'chip', 'status', 'gender'] as const;
/** What usual cells look like: the first ones to come do not tell how wide a column has to be. */
const USUAL: Row = {
  device: 'Finish',
  timestamp: '2026-05-03T09:00:00.000Z',
  num_passing: 12_345,
  bib: '12345',
  chip: 'E280116060000204A5F0',
};

/** Prints the passings of some devices as they come, until it is stopped. */
export async function tailPassings(context: Context, devices: readonly string[], options: TailOptions): Promise<void> {
  const deviceids = [...new Set(devices)];
  const file = options.cursors === undefined ? undefined : new CursorFile(options.cursors);
  const tail = new Tail(context, options, file, deviceids.length > 1);
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  let failure: unknown;
  const following = deviceids.map((deviceid) =>
    tail.follow(deviceid, signal).catch((error: unknown) => {
      // One that cannot go on ends the others, too: to miss a checkpoint in silence is worse than to stop.
      failure ??= error;
      stop.abort();
    }),
  );
  await Promise.all(following);
  file?.close();
  if (!context.signal.aborted) throw failure;
  const how = file === undefined ? 'With --cursors FILE it would go on here.' : 'Run it again to go on here.';
  throw new CommandError(`Stopped. ${how}`);
}

class Tail {
  readonly #context: Context;
  readonly #fromStart: boolean;
  readonly #cursors: CursorFile | undefined;
  readonly #writer: RecordWriter<Row>;
  /** Rows name their device. */
  readonly #isNamed: boolean;
  /** Batches of several devices are written one after another. */
  #turn: Promise<void> = Promise.resolve();
  #head: string;
  readonly #unanswered = new Set<string>();

  constructor(context: Context, options: TailOptions, cursors: CursorFile | undefined, isOfSeveral: boolean) {
    this.#context = context;
    this.#fromStart = options.fromStart === true;
    this.#cursors = cursors;
    const format = chosenFormat(options, { elsewhere: 'jsonl' });
    this.#isNamed = format === 'table' && isOfSeveral;
    const fields: Fields<Row> = { all: PASSING.all, table: this.#isNamed ? ['device', ...COLUMNS] : COLUMNS };
    this.#writer = recordWriter(format, fields, context, { usual: USUAL });
    // A file that all runs write to together has one head.
    this.#head = cursors?.isOld ? '' : this.#writer.head;
  }

  async follow(deviceid: string, signal: AbortSignal): Promise<void> {
    const { passings, devices } = await this.#client();
    const device = this.#isNamed ? (await devices.get(deviceid, { signal })).alias || deviceid.slice(0, 8) : undefined;
    const cursor = await this.#startOf(deviceid, signal);
    for await (const batch of passings.follow(deviceid, {
      cursor,
      signal,
      onState: (state) => this.#tell(deviceid, state),
    })) {
      this.#turn = this.#turn.then(() => this.#write(deviceid, device, batch));
      await this.#turn;
    }
  }

  async #startOf(deviceid: string, signal: AbortSignal): Promise<Cursor> {
    const known = this.#cursors?.get(deviceid);
    if (known !== undefined) return known;
    const cursor = this.#fromStart ? null : await this.#endOf(deviceid, signal);
    // Kept before anything comes: a run that is killed early must not begin at another end.
    this.#cursors?.set(deviceid, cursor);
    this.#cursors?.sync();
    return cursor;
  }

  /** Behind all that the device's newest session holds now. */
  async #endOf(deviceid: string, signal: AbortSignal): Promise<Cursor> {
    const { passings, devices } = await this.#context.client();
    try {
      const { session_used } = await passings.poll(deviceid, {}, { signal });
      if (session_used === null) return null;
      const numbers: number[] = [];
      for await (const { items } of passings.listBySession(session_used, { prefetch: 4 }, { signal }).pages()) {
        for (const { num_passing } of items) numbers.push(num_passing);
      }
      return cursorBehind(session_used, numbers);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      // Of a device without a session, all that comes is new. Of an unknown one, nothing will.
      await devices.get(deviceid, { signal });
      return null;
    }
  }

  async #write(deviceid: string, device: string | undefined, batch: FollowBatch): Promise<void> {
    const { token_session } = batch;
    const rows = withUtcTimes(batch.passings).map(
      (passing): Row => ({ ...(device !== undefined && { device }), ...passing, token_session, deviceid }),
    );
    const head = this.#head;
    this.#head = '';
    if (this.#cursors === undefined) return stdout.write(head + this.#writer.chunk(rows));
    if (head !== '') await stdout.write(head);
    for (const [index, row] of rows.entries()) {
      await stdout.write(this.#writer.chunk([row]));
      this.#cursors.set(deviceid, cursorWithin(batch, index + 1));
    }
    this.#cursors.sync();
  }

  /** An outage is one for all devices, from the first that gets no answer to the last that gets one again. */
  #tell(deviceid: string, { state, cause, since }: FollowState): void {
    const { screen } = this.#context;
    const time = since.toISOString().slice(11, 19);
    if (state === 'outage') {
      if (this.#unanswered.size === 0) {
        screen.warn(`no answer from RUFUS since ${time} (UTC), still asking: ${cause?.message}`);
      }
      this.#unanswered.add(deviceid);
    } else if (this.#unanswered.delete(deviceid) && this.#unanswered.size === 0) {
      screen.note(`RUFUS answers again since ${time} (UTC).`);
    }
  }

  /** Its own word on outages is enough: the client's log would say it again for each device. */
  async #client(): Promise<RufusClient> {
    const client = await this.#context.client();
    return client.withOptions({ logLevel: this.#context.options.logLevel ?? 'error' });
  }
}
