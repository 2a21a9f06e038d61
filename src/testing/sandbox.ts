import type { RequestHandler } from 'msw';
import type { DispatcherLike } from '../types.js';
import { type Api, makeApi } from './api.js';
import { makeDispatcher } from './dispatcher.js';
import { Faults } from './faults.js';
import { serve } from './server.js';
import { type Settings, settingsOf } from './settings.js';
import { StateFile } from './state-file.js';
import type {
  SandboxFault,
  SandboxKeys,
  SandboxOptions,
  SandboxServer,
  SandboxState,
  ServedSandbox,
  ServeSandboxOptions,
} from './types.js';
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

/**
 * A sandbox for other processes and machines, as `rufus sandbox` serves it: on an address of your choice, with a key of your
 * choice, kept in a file if wanted. With a state file, no answer to a write leaves before the write is in there.
 *
 * @throws {RangeError} for a value that an option cannot have; what listening throws (`EADDRINUSE`, `EACCES`, …); an Error that
 *   names the state file where it cannot be read or written.
 * @example
 * const sandbox = await serveSandbox({ port: 8080, state: 'sandbox.json' });
 * console.log(sandbox.url, sandbox.keys.readWrite);
 */
export async function serveSandbox(options: ServeSandboxOptions = {}): Promise<ServedSandbox> {
  const { port = 0, host, key, state, onStateError, ...answers } = options;
  const settings = settingsOf(answers);
  const given = key === undefined ? {} : { readWrite: key };
  const file = state === undefined ? undefined : await StateFile.open(state, given);
  const world = file?.world ?? new World(given);
  const { respond } = makeApi(world, settings, new Faults());

  const keeping = async (request: Request): Promise<Response> => {
    const response = await respond(request);
    if (request.method !== 'GET') {
      await file?.save().catch((error: Error) => {
        onStateError?.(error);
        throw error;
      });
    }
    return response;
  };
  const served = await serve(keeping, { port, host, maxBodyBytes: settings.maxBodyBytes });
  return { ...served, keys: world.keys };
}
