import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { RufusClient } from '../client.js';
import { RufusConfigError } from '../core/errors.js';
import { shorten } from '../core/redact.js';
import type { BindDeviceInput, RequestOptions } from '../types.js';
import { StorageError } from './errors.js';
import type { OutboxSession } from './types.js';

/** Leaves time for the numbers. A device that the folder knows is bound already, as a rule. */
const QUICKLY: RequestOptions = { retry: false, totalTimeoutMs: 1_500 };

const FILE = 'device.json';

export type BoundSession = Exclude<OutboxSession, { device: BindDeviceInput }>;

type Known = Pick<BindDeviceInput, 'type' | 'model' | 'serial_number'> & { readonly deviceid: string };

/** The device of a folder: one folder, one device. Kept in a file of its own, so that a start without network knows its id. */
export class FolderDevice {
  readonly #client: RufusClient;
  readonly #directory: string;

  constructor(client: RufusClient, directory: string) {
    this.#client = client;
    this.#directory = directory;
  }

  /**
   * The session that is wanted at a start, its device bound. `current`: the device of the folder's current session.
   *
   * @throws RufusConfigError - the folder is of another device
   */
  async bound(wanted: OutboxSession, current: string | null): Promise<BoundSession> {
    if ('token_session' in wanted) return wanted;
    if ('deviceid' in wanted) {
      if (current !== null && current !== wanted.deviceid) {
        throw this.#foreign(`device ${shorten(current)}`, `device ${shorten(wanted.deviceid)}`);
      }
      return wanted;
    }
    const { device, ...session } = wanted;
    const found = await this.#read();
    // Of another session since: it says nothing of this one.
    const known = found !== null && (current === null || current === found.deviceid) ? found : null;
    if (known !== null && !isSame(known, device)) throw this.#foreign(named(known), named(device));
    const deviceid = known === null ? await this.#bind(device) : await this.#rebind(device, known.deviceid);
    const before = current ?? known?.deviceid ?? deviceid;
    if (before !== deviceid) throw this.#foreign(`device ${shorten(before)}`, `${named(device)}, ${shorten(deviceid)}`);
    await this.#write(device, deviceid);
    return { ...session, deviceid };
  }

  /** For a session that is switched to. */
  async switched(wanted: OutboxSession, options: RequestOptions): Promise<BoundSession> {
    if (!('device' in wanted)) return wanted;
    const { device, ...session } = wanted;
    const deviceid = await this.#bind(device, options);
    return { ...session, deviceid };
  }

  /** The session was switched to. Where it cannot be noted, the next start needs the network. */
  async remember(wanted: OutboxSession, deviceid: string | null): Promise<void> {
    if ('device' in wanted && deviceid !== null) await this.#write(wanted.device, deviceid).catch(() => undefined);
  }

  async #bind(device: BindDeviceInput, options?: RequestOptions): Promise<string> {
    return (await this.#client.devices.ensureBound(device, options)).deviceid;
  }

  async #rebind(device: BindDeviceInput, known: string): Promise<string> {
    try {
      return await this.#bind(device, QUICKLY);
    } catch {
      return known;
    }
  }

  #foreign(theirs: string, ours: string): RufusConfigError {
    return new RufusConfigError(
      `The outbox folder ${this.#directory} belongs to ${theirs}; \`session\` is of ${ours}. Give each device a folder of its own.`,
    );
  }

  async #read(): Promise<Known | null> {
    try {
      const known: unknown = JSON.parse(await readFile(join(this.#directory, FILE), 'utf8'));
      return isKnown(known) ? known : null;
    } catch {
      // Missing or damaged: it is bound again.
      return null;
    }
  }

  async #write({ type, model, serial_number }: BindDeviceInput, deviceid: string): Promise<void> {
    const known: Known = { type, model, serial_number, deviceid };
    const before = await this.#read();
    if (before !== null && before.deviceid === deviceid && isSame(before, known)) return;
    const path = join(this.#directory, FILE);
    try {
      const file = await open(`${path}.new`, 'w', 0o600);
      try {
        await file.writeFile(`${JSON.stringify(known)}\n`);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(`${path}.new`, path);
    } catch (cause) {
      throw new StorageError(`The device of the outbox folder ${this.#directory} cannot be noted down`, { cause });
    }
    await syncFolder(this.#directory);
  }
}

/** Not every system can; the next start binds again then. */
async function syncFolder(directory: string): Promise<void> {
  const folder = await open(directory, 'r').catch(() => null);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

const isKnown = (value: unknown): value is Known =>
  typeof value === 'object' &&
  value !== null &&
  ['type', 'model', 'serial_number', 'deviceid'].every(
    (key) => typeof (value as Record<string, unknown>)[key] === 'string',
  );

const isSame = (a: Omit<Known, 'deviceid'>, b: Omit<Known, 'deviceid'>): boolean =>
  a.type === b.type && a.model === b.model && a.serial_number === b.serial_number;

const named = ({ type, model, serial_number }: Omit<Known, 'deviceid'>): string => `${type} ${model} ${serial_number}`;
