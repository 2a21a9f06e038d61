import type { RequestHandler } from 'msw';
import type { Faults } from './faults.js';
import { makeHandlers } from './handlers.js';
import { getResponse, HttpResponse } from './msw.js';
import { operationAt } from './operations.js';
import type { Settings } from './settings.js';
import type { World } from './world.js';

/** The whole API over a world: as msw handlers, and as a function from fetch's Request to fetch's Response. */
export interface Api {
  readonly handlers: readonly RequestHandler[];
  respond(request: Request): Promise<Response>;
}

export function makeApi(world: World, settings: Settings, faults: Faults): Api {
  const handlers = makeHandlers(world, settings, faults);
  return {
    handlers,
    async respond(request) {
      try {
        // The one handler that will do: msw compiles the path of each that it tries.
        const handler = handlers[operationAt(request)];
        return (handler && (await getResponse([handler], request))) ?? noSuchOperation(request);
      } catch (error) {
        // What msw's matching makes of a path such as /devices/%zz.
        if (error instanceof URIError) return noSuchOperation(request);
        throw error;
      }
    },
  };
}

/** As a gateway would: flat, and without the API's own `description`. */
function noSuchOperation({ method, url }: Request): Response {
  const message = `No operation answers ${method} ${new URL(url).pathname}, only those below a path that ends in /v0`;
  return HttpResponse.json({ message }, { status: 404 });
}
