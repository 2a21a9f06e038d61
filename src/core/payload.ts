import type { Issue } from '../types.js';
import { isRecord } from './envelope.js';
import { brand } from './errors.js';
import type { Path } from './validation/issues.js';
import type { Shape } from './validation/shape.js';

/** Checks what came, in place. Each gives why it must be refused; nothing where it is accepted. `at`: its path, for the issues. */
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
