import type { Known } from '../core/known.js';
import { checkedOptions } from '../core/options.js';
import { aborted, otherSideClosed } from './network.js';
import { OPERATIONS, type Operation } from './operations.js';
import type { SandboxFault } from './types.js';

const FAULT: Known<SandboxFault> = { on: true, times: true, kind: true, status: true, headers: true };
const KINDS: Known<Record<SandboxFault['kind'], true>> = {
  status: true,
  html: true,
  'reset-before': true,
  'reset-after': true,
  hang: true,
  drip: true,
  truncate: true,
};
const DRIP_MS = 10;
const BLANK = 0x20;
const PORTAL =
  '<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in to the network</h1></body></html>';

interface Pattern {
  readonly method: string | undefined;
  readonly segments: readonly string[];
  /** Set where the pattern names one operation. */
  readonly operation: Operation | undefined;
}

const segmentsOf = (path: string) => path.split('/').filter((segment) => segment !== '');
const isWild = (segment: string) => segment === '*' || /^(\{.*\}|:.+)$/.test(segment);
const shapeOf = (path: string) =>
  segmentsOf(path)
    .map((segment) => (isWild(segment) ? '{}' : segment))
    .join('/');

function parsePattern(on: string | undefined): Pattern {
  if (on === undefined) return { method: undefined, segments: [], operation: undefined };
  const [, verb, path] = /^([A-Za-z]+)?(?:^| |$)(\/\S*)?$/.exec(on.trim()) ?? [];
  const method = verb?.toUpperCase();
  const operation = OPERATIONS.find(
    (known) => path !== undefined && known.method === method && shapeOf(known.path) === shapeOf(path),
  );
  const pattern = { method, segments: segmentsOf(path ?? ''), operation };
  if ((verb ?? path) === undefined || !OPERATIONS.some((known) => couldMatch(pattern, known))) {
    const names = OPERATIONS.map((known) => `${known.method} ${known.path}`).join(', ');
    throw new TypeError(`No call fits the fault's "on": ${JSON.stringify(on)}. The operations are ${names}`);
  }
  return pattern;
}

function couldMatch({ method, segments, operation: named }: Pattern, operation: Operation): boolean {
  if (named !== undefined) return named === operation;
  if (method !== undefined && method !== operation.method) return false;
  const template = segmentsOf(operation.path);
  return segments.every((segment, index) => {
    const other = template[index];
    return other !== undefined && (segment === other || isWild(segment) || isWild(other));
  });
}

function matches(pattern: Pattern, operation: Operation, params: Readonly<Record<string, string>>): boolean {
  if (!couldMatch(pattern, operation)) return false;
  const actual = segmentsOf(operation.path).map((segment) => params[segment.slice(1, -1)] ?? segment);
  return pattern.segments.every((segment, index) => isWild(segment) || segment === actual[index]);
}

/** The faults that wait for their call, in the order they were added. */
export class Faults {
  #waiting: { readonly fault: SandboxFault; readonly pattern: Pattern; left: number }[] = [];

  add(fault: SandboxFault): void {
    const { kind, status, times = 1 } = checkedOptions('fault', fault, FAULT);
    if (!Object.hasOwn(KINDS, kind)) {
      throw new TypeError(`A fault's kind is one of ${Object.keys(KINDS).join(', ')}, not ${JSON.stringify(kind)}`);
    }
    if (!(times >= 1)) throw new RangeError(`A fault's times must be 1 or more, not ${times}`);
    if (status !== undefined && !(Number.isInteger(status) && status >= 200 && status <= 599)) {
      throw new RangeError(`A fault's status must lie between 200 and 599, not ${status}`);
    }
    this.#waiting.push({ fault, pattern: parsePattern(fault.on), left: times });
  }

  /** The first fault that fits the call, used up once more. */
  take(operation: Operation, params: Readonly<Record<string, string>>): SandboxFault | undefined {
    const next = this.#waiting.find(({ pattern }) => matches(pattern, operation, params));
    if (next === undefined) return undefined;
    next.left -= 1;
    if (next.left < 1) this.#waiting = this.#waiting.filter((other) => other !== next);
    return next.fault;
  }

  clear(): void {
    this.#waiting = [];
  }
}

/** Carries out a fault. `answer` lets the call take effect; `refuse` makes an error answer as the API does. */
export async function inject(
  fault: SandboxFault,
  signal: AbortSignal,
  answer: () => Promise<Response>,
  refuse: (status: number) => Response,
): Promise<Response> {
  switch (fault.kind) {
    case 'status':
      return withHeaders(refuse(fault.status ?? 500), fault.headers);
    case 'html':
      return withHeaders(page(fault.status ?? 200), fault.headers);
    case 'reset-before':
      return Response.error();
    case 'reset-after':
      await answer();
      return Response.error();
    case 'hang':
      await aborted(signal);
      return Response.error();
    case 'drip':
      return withHeaders(await dripping(await answer(), signal), fault.headers);
    case 'truncate':
      return withHeaders(await truncated(await answer()), fault.headers);
  }
}

/** Statuses that no body may come with. */
export const isBodiless = (status: number): boolean => status === 204 || status === 205 || status === 304;

const page = (status: number) =>
  isBodiless(status)
    ? new Response(null, { status })
    : new Response(PORTAL, { status, headers: { 'content-type': 'text/html' } });

function withHeaders(response: Response, headers: Record<string, string> = {}): Response {
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}

/** Byte by byte, and then blanks for ever, which JSON allows: no deadline outlasts it, however short the answer. */
async function dripping(whole: Response, signal: AbortSignal): Promise<Response> {
  const bytes = new Uint8Array(await whole.arrayBuffer());
  let sent = 0;
  let timer: NodeJS.Timeout | undefined;
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const stop = () => {
          clearTimeout(timer);
          controller.error(signal.reason);
        };
        signal.addEventListener('abort', stop, { once: true });
      },
      pull(controller) {
        return new Promise((resolve) => {
          timer = setTimeout(() => {
            controller.enqueue(Uint8Array.of(bytes[sent] ?? BLANK));
            sent += 1;
            resolve();
          }, DRIP_MS);
        });
      },
      cancel() {
        clearTimeout(timer);
      },
    },
    { highWaterMark: 0 },
  );
  const headers = new Headers(whole.headers);
  headers.delete('content-length');
  return new Response(stream, { status: whole.status, headers });
}

/** The first half of a body whose length was announced in full, then the end of the connection. */
async function truncated(whole: Response): Promise<Response> {
  const bytes = new Uint8Array(await whole.arrayBuffer());
  const halves = [bytes.subarray(0, bytes.length >> 1)];
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const half = halves.pop();
        if (half === undefined) controller.error(otherSideClosed());
        else controller.enqueue(half);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(stream, { status: whole.status, headers: whole.headers });
}
