import type { RequestHandler } from 'msw';
import type { DispatcherLike } from '../types.js';
import { type Api, makeApi } from './api.js';
import { makeDispatcher } from './dispatcher.js';
import { Faults } from './faults.js';
import { serve } from './server.js';
import { type Settings, settingsOf } from './settings.js';
import type { SandboxFault, SandboxKeys, SandboxOptions, SandboxServer, SandboxState } from './types.js';
import { deviceDetails, heldPassings, sessionDetails } from './views.js';
import { World } from './world.js';

/**
 * A stateful fake of the whole API, in memory: what is bound, opened and inserted is there to be read.
 *
 * @throws {RangeError} for a value that an option cannot have.
 * @example
 * const sandbox = new Sandbox();
 * const client = new RufusClient({ apiKey: sandbox.keys.readWrite, dispatcher: sandbox.dispatcher });
 * sandbox.fault({ kind: 'reset-after', on: 'POST /passings' });
 */
export class Sandbox {
  /** One key of each access type; they outlive `reset`. */
  readonly keys: SandboxKeys;
  /** For `new RufusClient({ dispatcher })`: no socket, no server. Answers any origin, under any base path that ends in /v0. */
  readonly dispatcher: DispatcherLike;
  /** Everything the server side holds, for assertions. */
  readonly state: SandboxState;

  readonly #settings: Settings;
  readonly #world = new World();
  readonly #faults = new Faults();
  readonly #api: Api;
  #handlers: readonly RequestHandler[] | undefined;

  constructor(options: SandboxOptions = {}) {
    const world = this.#world;
    this.#settings = settingsOf(options);
    this.keys = world.keys;
    this.#api = makeApi(world, this.#settings, this.#faults);
    this.dispatcher = makeDispatcher(this.#api.respond);
    this.state = {
      get devices() {
        return [...world.devices.values()].map(deviceDetails);
      },
      get sessions() {
        return [...world.sessions.values()].map((session) => ({
          ...sessionDetails(session),
          deviceid: session.device.deviceid,
        }));
      },
      passings(token_session) {
        const session = world.sessions.get(token_session);
        return session === undefined ? [] : heldPassings(session);
      },
    };
  }

  /** The same fake as msw request handlers, for msw set-ups of your own. */
  get handlers(): readonly RequestHandler[] {
    this.#handlers ??= this.#api.handlers();
    return this.#handlers;
  }

  /**
   * Serves it over HTTP on 127.0.0.1, and there only. Port 0, the default, takes a free one.
   *
   * @throws {TypeError} where `port` is no number from 0 to 65535.
   */
  listen(port = 0): Promise<SandboxServer> {
    return serve(this.#api.respond, { port, maxBodyBytes: this.#settings.maxBodyBytes });
  }

  /**
   * Makes the next call that fits go wrong, whichever way it comes in.
   *
   * @throws {TypeError} where no operation fits `on`, and for a `kind` that there is not.
   * @throws {RangeError} for `times` below 1 and a `status` out of 200 to 599.
   */
  fault(fault: SandboxFault): void {
    this.#faults.add(fault);
  }

  /** Forgets devices, sessions, passings and faults. The keys stay. */
  reset(): void {
    this.#world.clear();
    this.#faults.clear();
  }
}
