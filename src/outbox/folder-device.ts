import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RufusConfigError } from '../core/errors.js';
import { isRecord } from '../core/payload.js';
import { shorten } from '../core/redact.js';
import type { BindDeviceInput, RequestOptions } from '../types.js';
import type { OutboxContext } from './context.js';
import { nodeDisk } from './disk/disk.js';
import { StorageError } from './errors.js';
import type { OutboxSession } from './types.js';

/** Leaves time to learn the numbers: usually a device that the folder knows is bound already. */
const QUICKLY: RequestOptions = { retry: false, totalTimeoutMs: 1_500 };

const FILE = 'device.json';

const NAMES = ['type', 'model', 'serial_number'] as const;

type TokenSession = Extract<OutboxSession, { token_session: string }>;
type DeviceSession = Exclude<OutboxSession, { deviceid: string } | TokenSession>;
type IdSession = Extract<OutboxSession, { deviceid: string }> & { readonly device?: BindDeviceInput | undefined };

/** A session whose device has its id. */
export type BoundSession = TokenSession | IdSession;

/** `deviceid` alone where the device was given by its id. */
type KnownDevice = Partial<Record<(typeof NAMES)[number], string | undefined>> & { readonly deviceid: string };

/** The device of a folder: one folder, one device. Stored in a file of its own, so that a start without network knows its id. */
export class FolderDevice {
  readonly #context: OutboxContext;
  readonly #directory: string;

  constructor(context: OutboxContext) {
    this.#context = context;
    this.#directory = context.settings.journal.directory;
  }

  /**
   * The session that was asked for at a start, its device bound.
   *
   * @throws RufusConfigError - the folder is of another device
   */
  async bound(wanted: OutboxSession): Promise<BoundSession> {
    if ('token_session' in wanted) return wanted;
    const { session, deviceid: current } = this.#context.journal;
    if ('deviceid' in wanted) {
      if (current !== null && current !== wanted.deviceid) {
        throw this.#foreign(`device ${shorten(current)}`, `device ${shorten(wanted.deviceid)}`);
      }
      await this.#own(wanted.deviceid);
      return wanted;
    }
    const found = await this.#read();
    const identified = await this.#identified(wanted, found);
    if (found === null) await this.#write(identified, session === null);
    else await this.#own(identified.deviceid);
    return identified;
  }

  /** The same for a switch. */
  async switched(wanted: OutboxSession | BoundSession, options: RequestOptions): Promise<BoundSession> {
    if ('token_session' in wanted || 'deviceid' in wanted) return wanted;
    return { ...wanted, deviceid: await this.#bind(wanted.device, options) };
  }

  /**
   * Stores the device of the session, which is in use now; `former`: that of the session before. Without it the next start may need the network.
   */
  async remember(session: BoundSession, former: string | null): Promise<void> {
    if ('deviceid' in session) {
      if (session.device !== undefined) await this.#write(session, false);
    } else if (former !== null) await this.#write({ deviceid: former }, false);
  }

  async #identified(wanted: DeviceSession, found: KnownDevice | null): Promise<IdSession> {
    const { device } = wanted;
    const { deviceid: current } = this.#context.journal;
    const isNamed = found?.serial_number !== undefined;
    // Where the folder went on with a session of another device, the file says nothing about this one.
    const known = isNamed && (current === null || current === found.deviceid) ? found : null;
    if (known !== null) {
      if (!isSame(known, device)) throw this.#foreign(named(known), named(device));
      // A device that was unbound and bound again has another id, but is the same device.
      return { ...wanted, deviceid: await this.#bind(device, QUICKLY).catch(() => known.deviceid) };
    }
    const deviceid = await this.#bind(device);
    if (current === null || current === deviceid) return { ...wanted, deviceid };
    throw this.#foreign(`device ${shorten(current)}`, `${named(device)}, ${shorten(deviceid)}`);
  }

  /** A session that was given by its token has no device yet: the device of the folder is stored with it. */
  async #own(deviceid: string): Promise<void> {
    const { journal } = this.#context;
    if (journal.session === null || journal.deviceid !== null) return;
    const found = await this.#read();
    if (found?.deviceid === deviceid) await journal.startSession(journal.session, undefined, deviceid);
  }

  async #bind(device: BindDeviceInput, options?: RequestOptions): Promise<string> {
    return (await this.#context.client.devices.ensureBound(device, options)).deviceid;
  }

  #foreign(theirs: string, ours: string): RufusConfigError {
    return new RufusConfigError(
      `The outbox folder ${this.#directory} belongs to ${theirs}; \`session\` is of ${ours}. Give each device a folder of its own.`,
    );
  }

  async #read(): Promise<KnownDevice | null> {
    try {
      const known: unknown = JSON.parse(await readFile(join(this.#directory, FILE), 'utf8'));
      return isKnown(known) ? known : null;
    } catch {
      // Missing or damaged: the device is bound again.
      return null;
    }
  }

  async #write({ deviceid, device }: Pick<IdSession, 'deviceid' | 'device'>, isNeeded: boolean): Promise<void> {
    const known: KnownDevice = { ...(device && pick(device)), deviceid };
    const before = await this.#read();
    if (before?.deviceid === deviceid && (device === undefined || isSame(before, device))) return;
    const path = join(this.#directory, FILE);
    try {
      await writeFile(`${path}.new`, `${JSON.stringify(known)}\n`, { mode: 0o600, flush: true });
      await rename(`${path}.new`, path);
      // Not every system can. Where the file is lost by that, the next start binds again.
      await nodeDisk.syncFolder(this.#directory).catch(() => undefined);
    } catch (cause) {
      if (!isNeeded) return;
      throw new StorageError(`The device of the outbox folder ${this.#directory} cannot be noted down`, { cause });
    }
  }
}

const isKnown = (value: unknown): value is KnownDevice =>
  isRecord(value) &&
  typeof value.deviceid === 'string' &&
  NAMES.every((name) => value[name] === undefined || typeof value[name] === 'string');

type Named = Omit<KnownDevice, 'deviceid'>;

const isSame = (a: Named, b: Named): boolean => NAMES.every((name) => a[name] === b[name]);

const pick = ({ type, model, serial_number }: BindDeviceInput): object => ({ type, model, serial_number });

const named = (device: Named): string => NAMES.map((name) => device[name]).join(' ');
