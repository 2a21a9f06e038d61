import type { RawResponse } from '../../types.js';

/** Response headers as undici hands them over: names in lower case. */
export type WireHeaders = Record<string, string | string[] | undefined>;

const REQUEST_ID_HEADERS = ['x-amzn-requestid', 'x-request-id', 'x-amz-request-id', 'apigw-requestid', 'cf-ray'];

/** A complete answer. `Headers` are built only for those who ask; private fields keep its content out of logs. */
export class Answer implements RawResponse {
  readonly status: number;
  #headers: WireHeaders;
  #text: string;
  #built: Headers | undefined;

  constructor(status: number, headers: WireHeaders, text: string) {
    this.status = status;
    this.#headers = headers;
    this.#text = text;
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

  get text(): string {
    return this.#text;
  }

  json(): unknown {
    return JSON.parse(this.#text);
  }
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
