import { makeApi } from './api.js';
import { Faults } from './faults.js';
import { serve } from './server.js';
import { settingsOf } from './settings.js';
import { StateFile } from './state-file.js';
import type { ServedSandbox, ServeSandboxOptions } from './types.js';
import { World } from './world.js';

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
