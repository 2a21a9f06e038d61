import type { Entry, Replacement, SourcePosition, StoredPassing } from '../journal.js';
import type { Receipt } from '../types.js';
import type { Draft, WriteBatch } from './committer.js';
import type { Interval } from './intervals.js';
import type { Checkpoint, PassingRecord, ReplaceRecord, SessionRecord } from './records.js';
import type { LogState } from './state.js';

type SessionFact = Pick<SessionRecord, 'source' | 'leaving' | 'unconfirmed'>;

interface Replacing extends Omit<Replacement, 'first'> {
  readonly first: Pick<Entry, 'seq' | 'num_passing'>;
}

/** The state of the main log while a commit is encoded: sessions and numbers as they will be if it succeeds. */
export class LogDraft implements Draft {
  last: number;
  session: string | null;
  deviceid: string | null;
  readonly at: number;
  readonly mono: number;
  readonly #next = new Map<string, number>();
  #head = { session: '', json: '' };

  readonly #state: LogState;

  constructor(state: LogState, stamp: { readonly at: number; readonly mono: number }) {
    this.#state = state;
    this.at = stamp.at;
    this.mono = stamp.mono;
    this.last = state.last;
    this.session = state.session;
    this.deviceid = state.deviceid;
  }

  current(): string {
    if (this.session === null) throw new Error('The folder has no session yet: startSession comes first');
    return this.session;
  }
  /** What the record of each passing of this session begins with. Made once: most commits are of many small batches. */
  passingHead(session: string): string {
    if (this.#head.session !== session)
      this.#head = { session, json: `{"t":"p","session":${JSON.stringify(session)},"num":` };
    return this.#head.json;
  }
  nextNumber(session: string): number | undefined {
    return this.#next.get(session) ?? this.#state.nextNumber(session);
  }
  raise(session: string, next: number): void {
    this.#next.set(session, Math.max(next, this.nextNumber(session) ?? 0));
  }

  /** New passings go to `session`, which begins at `atLeast` or goes on above it. */
  start(session: string, atLeast: number, deviceid: string | null, fact: SessionFact = {}): SessionRecord {
    const { at, mono } = this;
    this.raise(session, atLeast);
    this.session = session;
    this.deviceid = deviceid;
    return { t: 's', session, deviceid, next: this.nextNumber(session) ?? atLeast, ...fact, at, mono };
  }

  /** The current session again, to carry one of the facts that are no passing. */
  restate(fact: SessionFact): SessionRecord {
    return this.start(this.current(), 0, this.deviceid, fact);
  }

  /** The passings of a session from this one on get new numbers, above all that were given before. */
  renumber(first: Entry, atLeast: number): ReplaceRecord {
    const { token_session: session, num_passing } = first;
    const base = Math.max(atLeast, this.nextNumber(session) ?? num_passing);
    return this.replace({ from: session, to: session, first, base });
  }

  replace({ from, to, first, base = this.nextNumber(to) ?? 1, deviceid }: Replacing): ReplaceRecord {
    const { at, mono, last: lastSeq } = this;
    const { seq: firstSeq, num_passing: firstNum } = first;
    this.raise(to, base + Math.max(0, (this.nextNumber(from) ?? firstNum) - firstNum));
    if (to !== from) {
      this.session = to;
      this.deviceid = deviceid ?? this.deviceid;
    }
    return { t: 'r', from, to, firstSeq, lastSeq, firstNum, base, deviceid, at, mono };
  }
}

/** Bytes of a line besides the passing itself, about. */
const FRAME = 160;

const lengthOf = (value: unknown): number => (typeof value === 'string' ? value.length + 8 : 16);

/** The approximate size of a passing in the log, without encoding it. */
export function sizeOf(passing: StoredPassing): number {
  let size = FRAME;
  for (const key in passing) size += key.length + lengthOf(passing[key as keyof StoredPassing]);
  return size;
}

export interface PassingBatchFacts {
  readonly passings: readonly StoredPassing[];
  /** Default false: see {@link WriteBatch}. */
  readonly limited?: boolean | undefined;
  readonly source?: SourcePosition | undefined;
  /** For each passing, the parked one it replaces. */
  readonly was?: readonly number[] | undefined;
  /** The pending ones this batch replaces, and the checkpoint that passes them. */
  readonly moved?: Interval | undefined;
  readonly ack?: (() => Checkpoint) | undefined;
}

/** Passings that are written together, numbered in the current session when the commit is encoded. Resolves with their receipts. */
export class PassingBatch implements WriteBatch<LogDraft, Receipt[]> {
  readonly bytes: number;
  readonly limited: boolean;
  #session = '';
  #firstSeq = 0;
  #firstNum = 0;
  #at = 0;
  #end: Pick<PassingRecord, 'source' | 'moved' | 'ack'> | undefined;
  readonly #facts: PassingBatchFacts;
  readonly #state: LogState;
  readonly #committed: (firstSeq: number, count: number, at: number) => void;

  constructor(
    facts: PassingBatchFacts,
    bytes: number,
    state: LogState,
    committed: (firstSeq: number, count: number, at: number) => void,
  ) {
    this.#facts = facts;
    this.#state = state;
    this.#committed = committed;
    this.bytes = bytes;
    this.limited = facts.limited ?? false;
  }

  *records(draft: LogDraft): Generator<readonly [number, string]> {
    const { passings, was, source, moved, ack } = this.#facts;
    const session = draft.current();
    this.#session = session;
    this.#at = draft.at;
    this.#firstSeq = draft.last + 1;
    this.#firstNum = draft.nextNumber(session) ?? 1;
    if ((source ?? moved ?? ack) !== undefined) this.#end = { source, moved, ack: ack?.() };
    const { length } = passings;
    const head = draft.passingHead(session);
    const stamp = `,"at":${draft.at},"mono":${draft.mono}`;
    const end = this.#end === undefined ? '' : `,${JSON.stringify(this.#end).slice(1, -1)}`;
    for (const [index, passing] of passings.entries()) {
      const part = length > 1 ? `,"part":[${index + 1},${length}]` : '';
      const replaces = was === undefined ? '' : `,"was":${was[index]}`;
      const ends = index === length - 1 ? end : '';
      draft.last++;
      yield [
        draft.last,
        `${head}${this.#firstNum + index}${stamp}${part}${replaces}${ends},"passing":${JSON.stringify(passing)}}`,
      ];
    }
    draft.raise(session, this.#firstNum + length);
  }

  done(): Receipt[] {
    const session = this.#session;
    const firstSeq = this.#firstSeq;
    const firstNum = this.#firstNum;
    const { passings, was } = this.#facts;
    const last = passings.length - 1;
    for (const [index, replaced] of was?.entries() ?? []) {
      this.#state.passing(firstSeq + index, { session, num: firstNum + index, was: replaced });
    }
    this.#state.passing(firstSeq + last, { session, num: firstNum + last, ...this.#end });
    this.#committed(firstSeq, passings.length, this.#at);
    return passings.map((_, index) => ({ token_session: session, num_passing: firstNum + index }));
  }
}

/** One record that is no passing, made when the commit is encoded. Resolves with the record. A class: generators of functions made per call slow down the committer's loop for all batches. */
export class SingleRecord<R extends SessionRecord | ReplaceRecord> implements WriteBatch<LogDraft, R> {
  readonly bytes = 512;
  readonly limited: boolean;
  #record: R | null = null;
  readonly #make: (draft: LogDraft) => R;
  readonly #state: LogState;

  constructor(make: (draft: LogDraft) => R, state: LogState, limited: boolean) {
    this.#make = make;
    this.#state = state;
    this.limited = limited;
  }

  *records(draft: LogDraft): Generator<readonly [number, string]> {
    this.#record = this.#make(draft);
    yield [draft.last + 1, JSON.stringify(this.#record)];
  }

  done(): R {
    this.#state.apply(this.#record!, this.#state.last + 1);
    return this.#record!;
  }
}
