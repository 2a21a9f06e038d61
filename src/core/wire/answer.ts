import { inspect } from 'node:util';
import type { RawResponse } from '../../types.js';

/** Response headers as undici hands them over: names in lower case. */
export type WireHeaders = Record<string, string | string[] | undefined>;

const REQUEST_ID_HEADERS = ['x-amzn-requestid', 'x-request-id', 'x-amz-request-id', 'apigw-requestid', 'cf-ray'];

/** What precedes the body. `Headers` are built only for those who ask. */
export class Head {
  readonly status: number;
  readonly #headers: WireHeaders;
  #built: Headers | undefined;

  constructor(status: number, headers: WireHeaders) {
    this.status = status;
    this.#headers = headers;
  }

  get headers(): Headers {
    this.#built ??= buildHeaders(this.#headers);
    return this.#built;
  }

  get requestId(): string | undefined {
    for (const name of REQUEST_ID_HEADERS) {
      const value = this.#headers[name];
      if (value !== undefined) return Array.isArray(value) ? value[0] : value;
    }
    return undefined;
  }
}

/** A complete answer. Private fields keep its content out of logs. */
export class Answer implements RawResponse {
  /** Apart, so that keeping the headers does not keep the text, which may be megabytes. */
  readonly head: Head;
  readonly #text: string;

  constructor(status: number, headers: WireHeaders, text: string) {
    this.head = new Head(status, headers);
    this.#text = text;
  }

  get status(): number {
    return this.head.status;
  }

  get headers(): Headers {
    return this.head.headers;
  }

  get requestId(): string | undefined {
    return this.head.requestId;
  }

  get text(): string {
    return this.#text;
  }

  json(): unknown {
    return JSON.parse(this.#text);
  }
}

/** The answer as middleware gets it: plain, so that a copy such as `{ ...response, text }` is a whole answer, too. */
export function copyable(answer: RawResponse): RawResponse {
  const { status, headers, requestId, text } = answer;
  const copy: RawResponse = {
    status,
    headers,
    requestId,
    text,
    json() {
      return JSON.parse(this.text);
    },
  };
  const shown = (): object => ({ status, requestId });
  return Object.defineProperties(copy, { toJSON: { value: shown }, [inspect.custom]: { value: shown } });
}

function buildHeaders(wire: WireHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(wire)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each === undefined) continue;
      try {
        headers.append(name, each);
      } catch {
        // A header that the Fetch standard does not allow (control characters, say) is no reason to lose the answer.
      }
    }
  }
  return headers;
}
