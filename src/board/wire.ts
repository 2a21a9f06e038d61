// What a board sends: shared by the server and the page, so types only.

export type LinkState = 'live' | 'outage' | 'refused';

/** Whether RUFUS answers, and since when (ISO) that is so. */
export interface Link {
  readonly state: LinkState;
  readonly since: string;
}

export interface LastCrossing {
  /** Empty where the passing had none. */
  readonly bib: string;
  readonly timestamp: string;
  readonly num_passing: number;
}

/** Minutes (ISO, of the passings' own times) and the crossings in each; minutes without any are left out. */
export type PerMinute = readonly (readonly [minute: string, crossings: number])[];

/** What one device has counted. */
export interface Counts {
  readonly deviceid: string;
  readonly alias: string | null;
  /** Passings. */
  readonly reads: number;
  /** Different bibs. */
  readonly runners: number;
  /** The latest by its own time. */
  readonly last: LastCrossing | null;
  readonly perMinute: PerMinute;
}

export interface Crossing {
  readonly deviceid: string;
  /** The first 8 characters of its session's token. */
  readonly session: string;
  readonly num_passing: number;
  readonly timestamp: string;
  /** Empty where the passing had none. */
  readonly bib: string;
  readonly chip: string | null;
  /** From its own time to its arrival here, in milliseconds; null where it is older than the board that took it, or has no usable time. */
  readonly delayMs: number | null;
}

/** The answer of `/api/state`. */
export interface State {
  readonly title: string;
  /** The server's clock when it was made (ISO). */
  readonly asOf: string;
  readonly link: Link;
  readonly devices: readonly Counts[];
  /** The last 50 that arrived, newest first. */
  readonly recent: readonly Crossing[];
}

/** How a device does. */
export interface DeviceStatus {
  readonly battery: number | null;
  readonly charging: boolean | null;
  readonly lastSeen: string | null;
  readonly session: { readonly id: string; readonly alias: string | null } | null;
  /** `ended`: RUFUS refuses this device (`reason`). It is tried again and again. */
  readonly follow: { readonly state: LinkState | 'ended'; readonly since: string; readonly reason: string | null };
}

/** `event: state` of `/events`: everything. */
export interface FullState extends State {
  readonly timeZone: string;
  readonly status: Readonly<Record<string, DeviceStatus>>;
  /** What whoever runs the board should know; null where all is well. */
  readonly notice: string | null;
}

/**
 * `event: update` of `/events`: what has changed, in the shape of the whole. Its counts are totals, its minutes only
 * those that have changed, its `recent` only what is new: taking one in twice does no harm.
 */
export type Update = Pick<FullState, 'asOf'> & Partial<Omit<FullState, 'asOf' | 'title' | 'timeZone'>>;

/** An event of `/events`. A beat is a sign of life. */
export type Message =
  | { readonly event: 'state'; readonly data: FullState }
  | { readonly event: 'update'; readonly data: Update }
  | { readonly event: 'beat'; readonly data: { readonly asOf: string } };

/** The answer of `/api/runner`. */
export interface RunnerCrossings {
  readonly bib: string;
  /** By their own times. The latest 500, where there are more. */
  readonly crossings: readonly Omit<Crossing, 'bib'>[];
}
