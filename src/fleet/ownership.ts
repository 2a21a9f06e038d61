import type { RufusClient } from '../client.js';
import { NotFoundError } from '../core/errors.js';

const MOST = 10_000;
/** A session that was not there may have been opened since; a box that asks for others' again and again is not looked up each time. */
const REFRESH_MS = 1_000;

/** Which device a box is, and whose a session is: as the API says it, and as the answers that pass by show. */
export class Ownership {
  readonly #client: RufusClient;
  readonly #serials = new Recent<string | null>();
  readonly #deviceOf = new Recent<string>();
  readonly #sessions = new Recent<string>();
  readonly #listedAt = new Recent<number>();
  #listing: Promise<void> | undefined;

  constructor(client: RufusClient) {
    this.#client = client;
  }

  learnDevice(deviceid: string, serial_number: string): void {
    this.#serials.set(deviceid, serial_number);
    this.#deviceOf.set(serial_number, deviceid);
  }

  learnSession(token_session: string, deviceid: string): void {
    this.#sessions.set(token_session, deviceid);
  }

  /** Undefined where nothing that passed by told. */
  knownDeviceOf(token_session: string): string | undefined {
    return this.#sessions.get(token_session);
  }

  async isDeviceOf(box: string, deviceid: string): Promise<boolean> {
    const serial = this.#serials.get(deviceid) ?? (await this.#askSerial(deviceid));
    return serial === box;
  }

  async isSessionOf(box: string, token_session: string): Promise<boolean> {
    const known = this.#sessions.get(token_session);
    if (known !== undefined) return this.isDeviceOf(box, known);
    const deviceid = this.#deviceOf.get(box) ?? (await this.#find(box));
    if (deviceid === undefined || performance.now() - (this.#listedAt.get(deviceid) ?? -REFRESH_MS) < REFRESH_MS)
      return false;
    this.#listedAt.set(deviceid, performance.now());
    for (const session of await this.#client.sessions.listByDevice(deviceid, { retry: false })) {
      this.learnSession(session.token_session, deviceid);
    }
    return this.#sessions.get(token_session) === deviceid;
  }

  async #askSerial(deviceid: string): Promise<string | undefined> {
    try {
      const { serial_number } = await this.#client.devices.get(deviceid, { retry: false });
      if (typeof serial_number === 'string') this.learnDevice(deviceid, serial_number);
      return serial_number ?? undefined;
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  /** The device with this serial number. A gateway that starts has many boxes to look up at once: they share a list that is read after they asked. */
  async #find(serial: string): Promise<string | undefined> {
    const underWay = this.#listing;
    if (underWay !== undefined) {
      await underWay;
      const deviceid = this.#deviceOf.get(serial);
      if (deviceid !== undefined) return deviceid;
    }
    this.#listing ??= this.#list().finally(() => {
      this.#listing = undefined;
    });
    await this.#listing;
    return this.#deviceOf.get(serial);
  }

  async #list(): Promise<void> {
    for await (const { deviceid, serial_number } of this.#client.devices.list({}, { retry: false })) {
      if (typeof serial_number === 'string') this.learnDevice(deviceid, serial_number);
    }
  }
}

/** A map that forgets what was set longest ago. */
class Recent<T> {
  readonly #map = new Map<string, T>();

  get(key: string): T | undefined {
    return this.#map.get(key);
  }

  set(key: string, value: T): void {
    this.#map.delete(key);
    this.#map.set(key, value);
    if (this.#map.size > MOST) this.#map.delete(this.#map.keys().next().value!);
  }
}
