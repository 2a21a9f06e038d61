import type { Middleware } from 'rufus-client';

/** An answer as it came, before the client made anything of it. */
export interface Seen {
  readonly operation: string;
  readonly status: number;
  readonly headers: Headers;
  /** undefined where it was no JSON. */
  readonly parsed: unknown;
}

/** Keeps every answer of a client: `new RufusClient({ middleware: [tap.middleware] })`. */
export class Tap {
  readonly answers: Seen[] = [];

  readonly middleware: Middleware = async (context, next) => {
    const answer = await next(context);
    const { status, headers, text } = answer;
    this.answers.push({ operation: context.operation, status, headers, parsed: parse(text) });
    return answer;
  };

  get last(): Seen {
    const seen = this.answers.at(-1);
    if (seen === undefined) throw new Error('nothing was answered yet');
    return seen;
  }
}

export function isEnveloped({ parsed }: Seen): boolean {
  return isRecord(parsed) && Object.hasOwn(parsed, 'body');
}

/** What the answer says, inside its envelope or without one. */
export function payloadOf(seen: Seen): Record<string, unknown> {
  const payload = isRecord(seen.parsed) && isEnveloped(seen) ? seen.parsed.body : seen.parsed;
  return isRecord(payload) ? payload : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
