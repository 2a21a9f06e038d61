// A dispatcher of no sockets: the bytes it is given, in the chunks it is told, and what a hostile peer would put around them.
import type { DispatcherLike } from '../../src/index.js';

export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Record<string, string | string[]>;
  readonly body: string | Uint8Array;
  /** Where the body is cut into chunks; at most its length. */
  readonly cuts?: readonly number[];
  /** Fails with this after the last chunk. */
  readonly breaks?: unknown;
}

/** Answers with these in turn, the last of them for ever. */
export function peer(...answers: readonly (FakeAnswer | (() => FakeAnswer))[]): DispatcherLike & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async request({ path }) {
      const next = answers[Math.min(asked.length, answers.length - 1)];
      asked.push(path);
      if (next === undefined) throw new Error('no answer');
      const answer = typeof next === 'function' ? next() : next;
      return { statusCode: answer.status, headers: answer.headers ?? {}, body: bodyOf(answer) };
    },
  };
}

function bodyOf({ body, cuts = [], breaks }: FakeAnswer) {
  const bytes = Buffer.from(body);
  const chunks = async function* () {
    let start = 0;
    for (const cut of [...cuts].sort((a, b) => a - b)) {
      const end = Math.min(cut, bytes.length);
      yield bytes.subarray(start, end);
      start = end;
    }
    yield bytes.subarray(start);
    if (breaks !== undefined) throw breaks;
  };
  return { [Symbol.asyncIterator]: chunks, text: async () => bytes.toString(), dump: async () => {} };
}
