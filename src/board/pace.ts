/** How often the board does what it does over and over, in milliseconds. */
export interface Pace {
  /** Of `follow`. */
  readonly pollMs: { readonly min: number; readonly max: number };
  /** From a device that cannot be asked to the next try. */
  readonly outageMs: number;
  /** The same where RUFUS refuses. */
  readonly refusedMs: number;
  /** Batteries, names, sessions, and which devices there are. */
  readonly rosterMs: number;
  /** Updates to the pages come at most this often. */
  readonly updateMs: number;
  /** A page that hears nothing for three of these knows that it is alone. */
  readonly beatMs: number;
  /** A page that takes nothing for so long is let go. */
  readonly stallMs: number;
}

export const PACE: Pace = {
  pollMs: { min: 500, max: 2_000 },
  outageMs: 2_000,
  refusedMs: 15_000,
  rosterMs: 30_000,
  updateMs: 100,
  beatMs: 4_000,
  stallMs: 30_000,
};
