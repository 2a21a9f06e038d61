import type { ResponseMeta } from '../types.js';
import type { ReadContext } from './payload.js';
import type { Repeat } from './retry.js';
import { assertNoIssues, assertValid, type DeferredCheck } from './validation/issues.js';
import { checkId, type QueryParams, type Rules, readQuery } from './validation/parameters.js';

/** What sending, retrying and reporting must know of an endpoint. */
export interface Endpoint {
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE' | (string & {});
  /** With at most one placeholder, which has the name of the argument that it stands for: `/devices/{deviceid}`. */
  readonly path: string;
  readonly repeat: Repeat;
  /** What the API key needs, for error messages. */
  readonly access: string;
  /** A 2xx without a body is an answer, too. */
  readonly mayBeEmpty?: true;
}

/** One endpoint, whole: how its arguments are checked and put on the wire, and how its answers are read. */
export interface Operation<Input, Output> extends Endpoint {
  /**
   * Reads the whole input at once, and gives the function that encodes it, to be called once the schemas are loaded.
   *
   * @throws {RufusRequestValidationError} either of them; nothing is sent then
   */
  readonly encode: (input: Input) => () => EncodedInput;
  /** Checks the payload in place and takes from it what the caller gets. Throws a SchemaMismatch. */
  readonly read: (payload: unknown, context: ReadContext) => Output;
  /** Where an answer outside 2xx is a result: what it means, or undefined if this one is an error after all. */
  readonly interpret?: (answer: ErrorAnswer) => Output | undefined;
}

/** The checked arguments of one call. */
export interface EncodedInput {
  /** What takes the place of the path's placeholder, not yet percent-encoded. */
  readonly id?: string | undefined;
  readonly query?: QueryParams | undefined;
  readonly body?: string | undefined;
  /** The session tokens in query and body. */
  readonly secrets?: readonly string[];
}

/** What a finished call has to give. */
export interface Finished<T> {
  readonly data: T;
  readonly response: ResponseMeta;
}

/** An answer outside 2xx. */
export interface ErrorAnswer {
  readonly status: number;
  /** Without its envelope; the text where it is no JSON. */
  readonly body: unknown;
  readonly isJson: boolean;
  /** The token or deviceid in the path. */
  readonly id: string;
  /** An earlier attempt of this call may have taken effect. */
  readonly maybeProcessed: boolean;
}

/** How `query` and `body` of an input are checked: each has to be described where there is one, and a query field by field. */
type InputChecks<Input> = (Input extends { query: infer Query }
  ? { readonly query: Rules<NonNullable<Query>> }
  : { readonly query?: never }) &
  (Input extends { body: infer Body }
    ? { readonly body: (body: Body) => DeferredCheck<object> }
    : { readonly body?: never });

/** Completes a row of the table with `encode`, made from its `path`, `query` and `body`. */
export function operation<Input extends object, Output>(
  row: Omit<Operation<Input, Output>, 'encode'> & InputChecks<Input>,
): Operation<Input, Output> {
  const { name, path, query, body } = row as Endpoint & {
    query?: Rules<Record<string, unknown>>;
    body?: (body: unknown) => DeferredCheck<object>;
  };
  const placeholder = /\{(\w+)\}/.exec(path)?.[1];
  return {
    ...row,
    encode(input: { readonly [name: string]: unknown; readonly query?: unknown; readonly body?: unknown }) {
      const id = placeholder === undefined ? undefined : input[placeholder];
      if (placeholder !== undefined) assertNoIssues(name, checkId(placeholder, id));
      const params = query && assertValid(name, readQuery(query, input.query));
      const check = body?.(input.body);
      return (): EncodedInput => {
        const content = check && assertValid(name, check());
        return {
          id: id as string | undefined,
          query: params,
          body: content && JSON.stringify(content),
          secrets: [params, content].flatMap(tokenIn),
        };
      };
    },
  } as Operation<Input, Output>;
}

/** A session token may write to its session: it is kept out of messages and logs. */
function tokenIn(fields: object | undefined): string[] {
  return fields !== undefined && 'token_session' in fields ? [String(fields.token_session)] : [];
}
