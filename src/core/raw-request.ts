import type { Issue, RequestOptions } from '../types.js';
import type { EncodedInput, Operation } from './operation.js';
import type { Known } from './option-names.js';
import { CALL_OPTIONS, checkedOptions } from './options.js';
import { isRecord } from './payload.js';
import { assertNoIssues } from './validation/issues.js';
import { isBroken } from './validation/parameters.js';

/** What {@link RufusClient.request} takes beside the options of every call. */
export interface RawRequestOptions extends RequestOptions {
  /** Percent-encoded; undefined leaves a parameter out. */
  query?: Record<string, string | number | undefined>;
  /** Sent as JSON. Default none. */
  body?: unknown;
  /** Whether a failed attempt may be repeated although the server may have carried it out. Default: GET may, nothing else. */
  repeatable?: boolean;
}

/** Steps of what RFC 3986 lets a path hold. */
const PATH = /^(\/[\w.~!$&'()*+,;=:@%-]+)+$/;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

const RAW_OPTIONS: Known<RawRequestOptions> = { ...CALL_OPTIONS, query: true, body: true, repeatable: true };

/** What of it every call takes. The rest is checked with the arguments. */
export function callOptionsOf(options: RawRequestOptions): RequestOptions {
  const { signal, timeoutMs, totalTimeoutMs, retry, headers, validation } = options ?? {};
  return { signal, timeoutMs, totalTimeoutMs, retry, headers, validation };
}

/** An endpoint that the SDK does not wrap, as an operation. */
export function rawOperation(
  method: string,
  path: string,
  options: RawRequestOptions,
): Operation<RawRequestOptions, unknown> {
  const isRead = method === 'GET';
  const repeatable = options?.repeatable ?? isRead;
  return {
    name: 'request',
    method,
    path,
    repeat: !repeatable ? 'once' : isRead ? 'read' : 'repeatable',
    access: 'another access type, perhaps',
    mayBeEmpty: true,
    encode(given) {
      const encoded = encode(method, path, checkedOptions('options', given, RAW_OPTIONS));
      return () => encoded;
    },
    read: (payload) => payload,
  };
}

/** Checks and encodes what `request()` was given. */
function encode(method: string, path: string, options: RawRequestOptions): EncodedInput {
  const issues: Issue[] = [];
  if (!METHODS.includes(method)) issues.push({ path: ['method'], message: `expected one of ${METHODS.join(', ')}` });
  const isPath = typeof path === 'string' && PATH.test(path);
  if (!isPath || /\/\.{1,2}(\/|$)/.test(decode(path))) {
    issues.push({
      path: ['path'],
      message: 'expected a path below the base URL such as /devices, percent-encoded, without query or ..',
    });
  }
  const { query = {}, body, repeatable } = options;
  // A text such as 'no' would mean yes.
  if (repeatable !== undefined && typeof repeatable !== 'boolean') {
    issues.push({ path: ['repeatable'], message: 'expected true or false' });
  }
  const params: Record<string, string | number> = {};
  if (!isRecord(query)) issues.push({ path: ['query'], message: 'expected an object' });
  else {
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined) continue;
      if (isBroken(name) || (typeof value === 'string' && isBroken(value)))
        issues.push({ path: ['query', name], message: 'expected well-formed Unicode text' });
      else if (typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value)))
        params[encodeURIComponent(name)] = value;
      else issues.push({ path: ['query', name], message: 'expected text or a finite number' });
    }
  }
  const text = body === undefined ? undefined : toJson(body);
  if (body !== undefined && text === undefined)
    issues.push({ path: ['body'], message: 'expected a value that JSON can hold' });
  assertNoIssues('request', issues);
  return { query: params, body: text };
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return '/..';
  }
}

function toJson(body: unknown): string | undefined {
  try {
    return JSON.stringify(body);
  } catch {
    return undefined;
  }
}
