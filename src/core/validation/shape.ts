import type { SchemaName } from './by-schema.js';

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
