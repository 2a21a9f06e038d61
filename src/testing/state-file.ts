import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { PassingList } from './passing-list.js';
import type { SandboxKeys } from './types.js';
import { World } from './world.js';

/** A world that is kept in a file, which is replaced as a whole: after a kill, it is as of some `save` that has resolved, or later. */
export class StateFile {
  readonly world: World;
  readonly #file: string;
  #writing: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | undefined;

  private constructor(file: string, world: World) {
    this.#file = file;
    this.world = world;
  }

  /** Reads the file, or makes it. `keys`: in place of those that it holds. */
  static async open(file: string, keys: Partial<SandboxKeys>): Promise<StateFile> {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new Error(`The state file ${file} cannot be read: ${error.message}`);
    });
    const opened = new StateFile(file, text === undefined ? new World(keys) : parsed(text, file, keys));
    await opened.save();
    return opened;
  }

  /** Resolves once all that the world holds now is in the file. Whoever asks during a write shares the next one. */
  save(): Promise<void> {
    this.#waiting ??= this.#writing.then(() => {
      this.#waiting = undefined;
      const written = this.#write();
      this.#writing = written.catch(() => {});
      return written;
    });
    return this.#waiting;
  }

  async #write(): Promise<void> {
    const temporary = `${this.#file}.tmp`;
    try {
      await writeFile(temporary, JSON.stringify(snapshotOf(this.world)), { mode: 0o600, flush: true });
      await rename(temporary, this.#file);
    } catch (error) {
      await rm(temporary, { force: true });
      throw new Error(`The state file ${this.#file} cannot be written: ${(error as Error).message}`);
    }
  }
}

function parsed(text: string, file: string, keys: Partial<SandboxKeys>): World {
  try {
    const snapshot: unknown = JSON.parse(text);
    if (isSnapshot(snapshot)) return worldOf(snapshot, keys);
  } catch {
    // Below.
  }
  throw new Error(
    `${file} is not a state file of this version of rufus-sandbox. Move it away, or give another --state`,
  );
}

const FORMAT = 'rufus-sandbox 1';

/** A world as JSON. Private to this library: another version may have another one. */
type Snapshot = ReturnType<typeof snapshotOf>;

function snapshotOf({ keys, devices, sessions }: World) {
  return {
    format: FORMAT,
    keys,
    devices: [...devices.values()].map(({ sessions: _, ...device }) => device),
    // In the order in which they were opened, those of all devices.
    sessions: [...sessions.values()].map(({ device, passings, ...session }) => ({
      ...session,
      deviceid: device.deviceid,
      passings: passings.slice(),
    })),
  };
}

function isSnapshot(value: unknown): value is Snapshot {
  return typeof value === 'object' && value !== null && 'format' in value && value.format === FORMAT;
}

/** `keys`: in place of those that it had. */
function worldOf({ keys, devices, sessions }: Snapshot, others: Partial<SandboxKeys>): World {
  const dates = [...devices, ...sessions].map(({ creation_date }) => Date.parse(creation_date));
  const world = new World({ ...keys, ...others }, Math.max(0, ...dates));
  for (const device of devices) world.devices.set(device.deviceid, { ...device, sessions: [] });
  for (const { deviceid, passings: rows, ...session } of sessions) {
    const device = world.devices.get(deviceid)!;
    const passings = new PassingList();
    passings.add(rows, true);
    const stored = { ...session, device, passings };
    device.sessions.push(stored);
    world.sessions.set(stored.token_session, stored);
  }
  return world;
}
