import {
  type ConsumerInfo,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type StoredMsg,
} from '@nats-io/jetstream';
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import type { StoredBatch } from './batches.js';
import type { Names } from './names.js';

/** Which message: where it lies, and a name that no other ever had. After a restore, a sequence may belong to another message. */
export interface Mark {
  readonly seq: number;
  readonly id: string;
}

/** A message of the stream, without what it holds. */
export interface Found extends Mark {
  readonly subject: string;
  /** The message of its device that it was written behind; undefined for the first. */
  readonly after: Mark | undefined;
  readonly batch: () => StoredBatch;
}

const ID = 'Rufus-Id';
const AFTER = 'Rufus-After';
/** Headers, and what NATS adds to a message. */
const ROOM = 4 * 1024;
/** A leader that is there answers in a few ms; where there is none, nobody does. */
const ANSWER_MS = 2_000;
/** To list consumers, a cluster asks the leader of each, and waits 4 s for those that do not answer: one server is down. */
const LIST_ANSWER_MS = 6_000;
/** Larger messages delay others. */
const LARGEST = 256 * 1024;

/** The stream of batches, as the fleet uses it. Reads are answered by the stream's leader: a copy may lag behind. */
export class Store {
  readonly js: JetStreamClient;
  readonly #lister: JetStreamManager;

  private constructor(
    readonly nats: NatsConnection,
    readonly names: Names,
    readonly jsm: JetStreamManager,
    lister: JetStreamManager,
  ) {
    this.js = jetstream(nats, { timeout: ANSWER_MS });
    this.#lister = lister;
  }

  static async over(nats: NatsConnection, names: Names): Promise<Store> {
    const manager = (timeout: number): Promise<JetStreamManager> =>
      jetstreamManager(nats, { timeout, checkAPI: false });
    return new Store(nats, names, await manager(ANSWER_MS), await manager(LIST_ANSWER_MS));
  }

  /** Of the stream, all. */
  async consumers(): Promise<ConsumerInfo[]> {
    const consumers: ConsumerInfo[] = [];
    for await (const info of this.#lister.consumers.list(this.names.stream)) consumers.push(info);
    return consumers;
  }

  /** Bytes that a batch may have. */
  get largest(): number {
    return Math.min(LARGEST, (this.nats.info?.max_payload ?? LARGEST) - ROOM);
  }

  async last(subject: string): Promise<Found | undefined> {
    return found(await this.jsm.streams.getMessage(this.names.stream, { last_by_subj: subject }));
  }

  async at(seq: number): Promise<Found | undefined> {
    return found(await this.jsm.streams.getMessage(this.names.stream, { seq }));
  }

  /** The lowest and the highest sequence that the stream holds, or would. */
  async extent(): Promise<{ readonly first: number; readonly last: number }> {
    const { state } = await this.jsm.streams.info(this.names.stream);
    return { first: state.first_seq, last: state.last_seq };
  }

  /**
   * Writes behind `after`, and only there.
   *
   * The condition on the last sequence is not enough: a clustered server of 2.9 checks it before the message is agreed upon, so that
   * two messages under way at once both pass. Message ids it compares afterwards, on every server alike: `fence` names
   * the place, so that it is taken once.
   */
  async append(
    subject: string,
    { id, after, fence, expected }: { id: string; after: Mark | undefined; fence: string; expected: number },
    payload: string,
  ): Promise<{ seq: number; duplicate: boolean }> {
    const { seq, duplicate } = await this.js.publish(subject, payload, {
      msgID: fence,
      headers: headersOf(id, after),
      expect: { streamName: this.names.stream, lastSubjectSequence: expected },
    });
    return { seq, duplicate };
  }
}

function headersOf(id: string, after: Mark | undefined): MsgHdrs {
  const made = headers();
  made.set(ID, id);
  if (after !== undefined) made.set(AFTER, `${after.seq} ${after.id}`);
  return made;
}

export function markOf(seq: number, carried: MsgHdrs | undefined): Mark & { readonly after: Mark | undefined } {
  const [afterSeq = '', afterId = ''] = (carried?.get(AFTER) ?? '').split(' ');
  return {
    seq,
    id: carried?.get(ID) ?? '',
    after: afterId === '' ? undefined : { seq: Number(afterSeq), id: afterId },
  };
}

function found(message: StoredMsg | null): Found | undefined {
  if (message === null) return undefined;
  return {
    ...markOf(message.seq, message.header),
    subject: message.subject,
    batch: () => message.json<StoredBatch>(),
  };
}
