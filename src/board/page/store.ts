import type { Counts, Crossing, DeviceStatus, FullState, Link, Message, Update } from '../wire.js';

const MOST_RECENT = 50;

export interface Checkpoint extends Omit<Counts, 'perMinute'> {
  readonly name: string;
  /** Crossings by minutes since 1970. */
  readonly minutes: Map<number, number>;
}

/** What the server has told, put together. */
export interface Board {
  readonly title: string;
  readonly timeZone: string;
  readonly link: Link;
  readonly notice: string | null;
  readonly checkpoints: readonly Checkpoint[];
  readonly status: Readonly<Record<string, DeviceStatus>>;
  readonly recent: readonly Crossing[];
}

export class Store {
  board: Board | undefined;
  /** What this machine's clock is behind the server's, in milliseconds: ages are reckoned by the server's. */
  #offsetMs = 0;

  now(): number {
    return Date.now() + this.#offsetMs;
  }

  take({ event, data }: Message): void {
    this.#offsetMs = Date.parse(data.asOf) - Date.now();
    if (event === 'state') this.board = whole(data);
    else if (event === 'update' && this.board !== undefined) this.board = merged(this.board, data);
  }
}

function whole({ title, timeZone, link, notice, devices, status, recent }: FullState): Board {
  return { title, timeZone, link, notice, status, recent, checkpoints: devices.map((device) => checkpointOf(device)) };
}

function merged(board: Board, { devices = [], recent = [], status = {}, asOf: _, ...rest }: Update): Board {
  const changed = new Map(devices.map((device) => [device.deviceid, device]));
  const checkpoints = board.checkpoints.map((before) => {
    const after = changed.get(before.deviceid);
    changed.delete(before.deviceid);
    return after === undefined ? before : checkpointOf(after, before.minutes);
  });
  return {
    ...board,
    ...rest,
    checkpoints: [...checkpoints, ...[...changed.values()].map((device) => checkpointOf(device))],
    status: { ...board.status, ...status },
    recent: [...recent, ...board.recent].slice(0, MOST_RECENT),
  };
}

function checkpointOf({ perMinute, ...counts }: Counts, minutes = new Map<number, number>()): Checkpoint {
  for (const [minute, crossings] of perMinute) minutes.set(minuteOf(Date.parse(minute)), crossings);
  return { ...counts, minutes, name: counts.alias ?? counts.deviceid.slice(0, 8) };
}

export const minuteOf = (timeMs: number): number => Math.floor(timeMs / 60_000);
