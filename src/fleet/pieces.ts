import { headers, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';

const HEAD = 'Rufus-Head';
const PIECE = 'Rufus-Piece';
const CALL = 'Rufus-Call';
/** Headers, and what NATS itself adds. */
const ROOM = 8 * 1024;

/** A head and a body as messages that the server takes: of a body above its `max_payload` several, the head with the first. */
export function* piecesOf(
  { info }: NatsConnection,
  call: string,
  head: object,
  body: string,
): Generator<{ data: Uint8Array; headers: MsgHdrs; isLast: boolean }> {
  const bytes = Buffer.from(body);
  const size = Math.max(1024, (info?.max_payload ?? 1024 * 1024) - ROOM);
  const count = Math.max(1, Math.ceil(bytes.length / size));
  for (let index = 0; index < count; index++) {
    const made = headers();
    made.set(CALL, call);
    made.set(PIECE, `${index + 1}/${count}`);
    // A header is a line of ASCII.
    if (index === 0) made.set(HEAD, JSON.stringify(head).replace(/[^\x20-\x7e]/g, escaped));
    yield { data: bytes.subarray(index * size, (index + 1) * size), headers: made, isLast: index + 1 === count };
  }
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Tells the worker that nobody waits for the answer any more. */
export function cancelOf(call: string): MsgHdrs {
  const made = headers();
  made.set(CALL, call);
  return made;
}

export function isCancel(message: Msg): boolean {
  return message.headers?.get(PIECE) === '';
}

/** Which call a piece belongs to; empty for a message that is none. */
export function callOf(message: Msg): string {
  return message.headers?.get(CALL) ?? '';
}

/** Puts together what {@link piecesOf} took apart. */
export class Puzzle<Head> {
  head: Head | undefined;
  bytes = 0;
  isComplete = false;
  readonly #take: (chunk: Uint8Array) => void;
  #next = 1;

  constructor(take: (chunk: Uint8Array) => void) {
    this.#take = take;
  }

  /** @returns false for a piece that does not belong here: one before it is missing, or it is of another kind */
  add(message: Msg): boolean {
    const [index, count] = (message.headers?.get(PIECE) ?? '').split('/').map(Number);
    if (index !== this.#next || count === undefined || Number.isNaN(count)) return false;
    this.#next++;
    if (index === 1) {
      try {
        this.head = JSON.parse(message.headers?.get(HEAD) ?? '') as Head;
      } catch {
        return false;
      }
    }
    this.bytes += message.data.length;
    if (message.data.length > 0) this.#take(message.data);
    this.isComplete = index === count;
    return true;
  }
}
