/** What the readers of a board have heard while they measured. */
export interface BoardReaders {
  /** Crossings, at all of them together. */
  readonly crossings: number;
  /** From the board's follower to the reader, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
  readonly bytes: number;
  /** The count that the reader knows of who knows of the fewest. */
  readonly fewestReads: number;
}
