import { makeApi } from './api.js';
import type { Command } from './bin-arguments.js';
import { Faults } from './faults.js';
import { type Served, serve } from './server.js';
import { settingsOf } from './settings.js';
import { StateFile } from './state-file.js';
import type { SandboxKeys } from './types.js';
import { World } from './world.js';

/** The sandbox that the command starts; with a state file, no answer to a write leaves before it is in there. */
export async function startServer({
  port,
  host,
  key,
  state,
  options,
}: Command): Promise<Served & { keys: SandboxKeys }> {
  const settings = settingsOf(options);
  const given = key === undefined ? {} : { readWrite: key };
  const file = state === undefined ? undefined : await StateFile.open(state, given);
  const world = file?.world ?? new World(given);
  const { respond } = makeApi(world, settings, new Faults());

  const keeping = async (request: Request): Promise<Response> => {
    const response = await respond(request);
    if (request.method !== 'GET') {
      await file?.save().catch((error: Error) => {
        console.error(`rufus-sandbox: ${error.message}`);
        throw error;
      });
    }
    return response;
  };
  const served = await serve(keeping, { port, host, maxBodyBytes: settings.maxBodyBytes });
  return { ...served, keys: world.keys };
}
