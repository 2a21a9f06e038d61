import type { FollowBatch, FollowCursor } from 'rufus-client';

/** Where results live. What makes the effect exactly-once: `save` keeps passings and cursor, or neither. */
export interface Store {
  readonly name: string;
  cursorOf(deviceid: string): FollowCursor | undefined;
  save(deviceid: string, batch: FollowBatch): void;
  /** Passings stored, and how many different ones these are. */
  count(): { readonly rows: number; readonly different: number };
  close(): void;
}
