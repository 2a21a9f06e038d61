import type { Issue } from '../types.js';
import { brand } from './errors.js';
import type { SchemaName } from './validation/by-schema.js';
import type { Path } from './validation/issues.js';

/** What makes an item usable: text, an integer, or either of them where it is there at all. */
export type IdentityKind = 'string' | 'integer' | 'string?' | 'integer?';

/** How an item or a body that comes is checked. */
export interface Shape {
  /** For messages. */
  readonly name: string;
  readonly schema: SchemaName;
  /** The fields that identify it: unusable ones are refused in either mode. */
  readonly identity: Readonly<Record<string, IdentityKind>>;
  /** It has `latitude` and `longitude`, to be made numbers. */
  readonly coordinates?: boolean;
  /** Passes only what the schema accepts, and faster. Looks at each field by itself, as the schema does. */
  readonly precheck?: (row: Record<string, unknown>) => boolean;
  /** The least that the precheck passes. */
  readonly example?: Readonly<Record<string, unknown>>;
  /** The field whose content is checked apart, as items. */
  readonly payload?: string;
}

/** Checks an answer, in place. Each returns the issues for which it must be refused; none where it is accepted. `at`: its path, for the issues. */
export interface ReadContext {
  item(shape: Shape, value: unknown, at: Path): readonly Issue[];
  items(shape: Shape, rows: readonly unknown[], at: Path): readonly Issue[];
}

/** The payload is not what the API promises. Becomes a RufusResponseValidationError. */
export class SchemaMismatch {
  readonly issues: readonly Issue[];
  constructor(issues: readonly Issue[]) {
    this.issues = issues;
  }
}
// A test runner that forgets modules loads what is loaded later as another copy.
brand(SchemaMismatch, 'SchemaMismatch');

/** One page of a list. `hasMore` is undefined where the API does not say. */
export interface Rows<T> {
  readonly items: T[];
  readonly hasMore: boolean | undefined;
}

/** The payload itself is the answer: a receipt. */
export function readReceipt<T>(shape: Shape): (payload: unknown, context: ReadContext) => T {
  return (payload, context) => {
    accept(context.item(shape, payload, []));
    return payload as T;
  };
}

/** `result` holds the object, bare or as an array of one. undefined where that array is empty. */
export function readSingle<T>(shape: Shape): (payload: unknown, context: ReadContext) => T | undefined {
  return (payload, context) => {
    const result = isRecord(payload) ? payload.result : undefined;
    if (Array.isArray(result) && result.length === 0) return undefined;
    if (Array.isArray(result) && result.length > 1) {
      throw new SchemaMismatch([{ path: ['result'], message: `expected one ${shape.name}, got ${result.length}` }]);
    }
    const [item, at] = Array.isArray(result) ? [result[0], ['result', 0]] : [result, ['result']];
    accept(context.item(shape, item, at));
    return item as T;
  };
}

/** What surrounds the rows of a list. */
export interface Frame {
  readonly shape: Shape;
  /** The fields that may hold the rows. */
  readonly keys: readonly [string, ...string[]];
  /** The text fields by one of which an answer without rows is known to be a list. */
  readonly knownBy: readonly string[];
}

/**
 * A list. Its rows may be absent when it is empty, but that is believed only of an answer that the frame knows by its other
 * fields: any JSON object would pass as an empty list otherwise.
 */
export function readRows<T>(frame: Frame, item: Shape): (payload: unknown, context: ReadContext) => Rows<T> {
  const { keys } = frame;
  return (payload, context) => {
    accept(context.item(frame.shape, payload, []));
    const record = payload as Record<string, unknown>;
    const key = keys.find((each) => record[each] !== undefined && record[each] !== null) ?? keys[0];
    const rows = record[key] ?? (isFramed(record, frame) ? [] : undefined);
    if (!Array.isArray(rows)) throw new SchemaMismatch([{ path: [key], message: 'expected a list' }]);
    accept(context.items(item, rows, [key]));
    const { pagination } = record;
    const hasMore = isRecord(pagination) ? pagination.has_more : undefined;
    return { items: rows, hasMore: typeof hasMore === 'boolean' ? hasMore : undefined };
  };
}

function isFramed(record: Record<string, unknown>, frame: Frame): boolean {
  return frame.knownBy.some((field) => typeof record[field] === 'string');
}

function accept(issues: readonly Issue[]): void {
  if (issues.length > 0) throw new SchemaMismatch(issues);
}

/** The payload of a parsed answer: the API documents both `{"body": …}` and the bare object. */
export function openEnvelope(parsed: unknown): unknown {
  return isRecord(parsed) && Object.hasOwn(parsed, 'body') ? parsed.body : parsed;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What the server says in words, where it does. Cleaned before it is cut: half a token would not be known for one. */
export function descriptionOf(payload: unknown, clean: (words: string) => string = String): string | undefined {
  if (!isRecord(payload)) return undefined;
  const { description, message } = payload;
  const words = description ?? message;
  return typeof words === 'string' && words !== '' ? clean(words).slice(0, 300) : undefined;
}
