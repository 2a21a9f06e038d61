import { onAbort, pause } from '../core/abort.js';
import type { Known } from '../core/option-names.js';
import { checkedOptions } from '../core/options.js';
import { OPERATIONS, type Operation } from './operations.js';
import type { PathParams } from './requests.js';
import type { SandboxFault } from './types.js';

const FAULT: Known<SandboxFault> = { on: true, times: true, kind: true, status: true, headers: true };
const DRIP_MS = 10;
const BLANK = 0x20;
const PORTAL =
  '<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in to the network</h1></body></html>';

interface Pattern {
  readonly operations: readonly Operation[];
  readonly segments: readonly string[];
}

const segmentsOf = (path: string) => path.split('/').filter((segment) => segment !== '');
const isWild = (segment: string) => segment === '*' || /^(\{.*\}|:.+)$/.test(segment);
const shapeOf = (path: string) =>
  segmentsOf(path)
    .map((segment) => (isWild(segment) ? '{}' : segment))
    .join('/');

function parsePattern(on: string | undefined): Pattern {
  if (on === undefined) return { operations: OPERATIONS, segments: [] };
  const [, verb, path] = /^([A-Za-z]+)?(?:^| |$)(\/\S*)?$/.exec(on.trim()) ?? [];
  const segments = segmentsOf(path ?? '');
  const operations = OPERATIONS.filter(
    (operation) => (verb ?? operation.method).toUpperCase() === operation.method && couldBegin(operation, segments),
  );
  if ((verb ?? path) === undefined || operations.length === 0) {
    const names = OPERATIONS.map((known) => `${known.method} ${known.path}`).join(', ');
    throw new TypeError(`No call fits the fault's "on": ${JSON.stringify(on)}. The operations are ${names}`);
  }
  const isNamed = ({ path: known }: Operation) => verb !== undefined && shapeOf(known) === shapeOf(path ?? '');
  return { operations: operations.some(isNamed) ? operations.filter(isNamed) : operations, segments };
}

function couldBegin(operation: Operation, segments: readonly string[]): boolean {
  const template = segmentsOf(operation.path);
  return segments.every((segment, index) => {
    const other = template[index];
    return other !== undefined && (segment === other || isWild(segment) || isWild(other));
  });
}

function matches({ operations, segments }: Pattern, operation: Operation, params: PathParams): boolean {
  if (!operations.includes(operation)) return false;
  const actual = segmentsOf(operation.path).map((segment) => params[segment.slice(1, -1)] ?? segment);
  return segments.every((segment, index) => isWild(segment) || segment === actual[index]);
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
  take(operation: Operation, params: PathParams): SandboxFault | undefined {
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

interface FaultyCall {
  readonly fault: SandboxFault;
  readonly signal: AbortSignal;
  /** Lets the call take effect. */
  answer(): Promise<Response>;
  /** An error answer as the API makes it. */
  refuse(status: number): Response;
}

/** What each kind makes of a call. */
const KINDS: Readonly<Record<SandboxFault['kind'], (call: FaultyCall) => Response | Promise<Response>>> = {
  status: ({ fault, refuse }) => refuse(fault.status ?? 500),
  html: ({ fault }) => page(fault.status ?? 200),
  'reset-before': () => Response.error(),
  'reset-after': async ({ answer }) => {
    await answer();
    return Response.error();
  },
  hang: async ({ signal }) => {
    if (!signal.aborted) await new Promise<void>((resolve) => onAbort(signal, resolve));
    return Response.error();
  },
  drip: async ({ answer, signal }) => dripping(await answer(), signal),
  truncate: async ({ answer }) => truncated(await answer()),
};

export async function inject(call: FaultyCall): Promise<Response> {
  const { kind, headers = {} } = call.fault;
  const response = await KINDS[kind](call);
  if (response.type === 'error') return response;
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}

/** Statuses that no body may come with. */
export const isBodiless = (status: number): boolean => status === 204 || status === 205 || status === 304;

const page = (status: number) =>
  isBodiless(status)
    ? new Response(null, { status })
    : new Response(PORTAL, { status, headers: { 'content-type': 'text/html' } });

/** Byte by byte, and then blanks for ever, which JSON allows: no deadline outlasts it, however short the answer. */
async function dripping(whole: Response, signal: AbortSignal): Promise<Response> {
  const bytes = new Uint8Array(await whole.arrayBuffer());
  let sent = 0;
  const stop = new AbortController();
  onAbort(signal, () => stop.abort());
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (await pause(DRIP_MS, stop.signal)) controller.enqueue(Uint8Array.of(bytes[sent++] ?? BLANK));
        else controller.error(signal.reason);
      },
      cancel: () => stop.abort(),
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

// The errors that undici gives for a broken connection, for those who have no connection to break.

export function connectionReset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', errno: -104, syscall: 'read' });
}

export function otherSideClosed(cause?: unknown): Error {
  const error = new Error('other side closed', cause === undefined ? undefined : { cause });
  return Object.assign(error, { name: 'SocketError', code: 'UND_ERR_SOCKET' });
}
