import type { RequestHandler } from 'msw';
import type { Faults } from './faults.js';
import { makeHandlers, makeResponder } from './handlers.js';
import { operationOf } from './operations.js';
import type { Settings } from './settings.js';
import type { World } from './world.js';

/** The whole API over a world: as msw handlers, and as a function from fetch's Request to fetch's Response. */
export interface Api {
  handlers(): readonly RequestHandler[];
  respond(request: Request): Promise<Response>;
}

export function makeApi(world: World, settings: Settings, faults: Faults): Api {
  const responder = makeResponder(world, settings, faults);
  return {
    handlers: () => makeHandlers(responder),
    async respond(request) {
      const found = operationOf(request);
      return found === undefined ? noSuchOperation(request) : responder(found.operation, request, found.params);
    },
  };
}

/** As a gateway would: flat, and without the API's own `description`. */
function noSuchOperation({ method, url }: Request): Response {
  const message = `No operation answers ${method} ${new URL(url).pathname}, only those below a path that ends in /v0`;
  return Response.json({ message }, { status: 404 });
}
