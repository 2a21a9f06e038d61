import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'msw';
import { pause } from '../core/abort.js';
import { type Faults, inject, isBodiless } from './faults.js';
import { msw } from './msw.js';
import { mswPath, OPERATIONS, type Operation, operationOf, type Permission } from './operations.js';
import { type ApiReply, type PathParams, parseJson, Refusal } from './requests.js';
import type { Settings } from './settings.js';
import type { SandboxKeys } from './types.js';
import type { World } from './world.js';

/** The whole API over a world: as msw handlers, and as a function from fetch's Request to fetch's Response. */
export interface Api {
  /** One per operation, on any origin and below any base path that ends in /v0. */
  handlers(): readonly RequestHandler[];
  respond(request: Request): Promise<Response>;
}

export function makeApi(world: World, settings: Settings, faults: Faults): Api {
  const replyTo = async (operation: Operation, request: Request, params: PathParams): Promise<ApiReply> => {
    try {
      authorize(operation.permission, request.headers, world.keys, settings.unknownKey);
      const body = operation.method === 'POST' ? await readJson(request, settings.maxBodyBytes) : undefined;
      const query = new URL(request.url).searchParams;
      return operation.answer({ world, settings, params, query, body });
    } catch (error) {
      if (error instanceof Refusal) return error;
      throw error;
    }
  };
  const respond = async (operation: Operation, request: Request, params: PathParams): Promise<Response> => {
    const fault = faults.take(operation, params);
    if (settings.latencyMs > 0) await pause(settings.latencyMs, request.signal);
    if (request.signal.aborted) return Response.error();
    const answer = async () => write(await replyTo(operation, request, params), settings);
    if (fault === undefined) return answer();
    const refuse = (status: number) => write(failure(status, settings), settings);
    return inject({ fault, signal: request.signal, answer, refuse });
  };
  return {
    handlers() {
      const { http } = msw();
      const verbs = { GET: http.get, POST: http.post, PATCH: http.patch, DELETE: http.delete };
      return OPERATIONS.map((operation) =>
        verbs[operation.method](mswPath(operation), ({ request, params }) =>
          respond(operation, request, params as PathParams),
        ),
      );
    },
    async respond(request) {
      const { operation, params } = operationOf(request) ?? {};
      return operation && params ? respond(operation, request, params) : noSuchOperation(request);
    },
  };
}

/** As a gateway would: flat, and without the API's own `description`. */
function noSuchOperation({ method, url }: Request): Response {
  const message = `No operation answers ${method} ${new URL(url).pathname}, only those below a path that ends in /v0`;
  return Response.json({ message }, { status: 404 });
}

function authorize(permission: Permission, headers: Headers, keys: SandboxKeys, unknownKey: 401 | 403): void {
  const granted: Record<Permission, readonly string[]> = {
    READ: [keys.read, keys.readWrite, keys.admin],
    WRITE: [keys.write, keys.readWrite, keys.admin],
    UNBIND: [keys.admin],
  };
  const sent = [headers.get('x-api-key'), headers.get('api_key')].filter((key) => key !== null);
  if (sent.some((key) => granted[permission].includes(key))) return;
  const known = Object.values(keys).some((key) => sent.includes(key));
  if (known) throw new Refusal(403, { description: `The api key has no ${permission} permission` });
  throw new Refusal(unknownKey, { description: `The api key is ${sent.length === 0 ? 'missing' : 'unknown'}` });
}

async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const bytes = Buffer.from(await request.arrayBuffer());
  if (bytes.byteLength > maxBytes) {
    throw new Refusal(413, { description: `Payload too large: at most ${maxBytes} bytes` });
  }
  return parseJson(bytes.toString(), request.headers.get('content-type'));
}

/** The body of a 500 is null in the specification, within its envelope. */
function failure(status: number, { envelope }: Settings): ApiReply {
  const isNull = status === 500 && envelope === 'spec';
  return { status, body: isNull ? null : { description: `Injected by the sandbox: ${status}` } };
}

function write({ status, body }: ApiReply, { envelope }: Settings): Response {
  const headers = { 'content-type': 'application/json', 'x-amzn-requestid': randomUUID() };
  if (isBodiless(status)) return new Response(null, { status, headers });
  const bytes = Buffer.from(JSON.stringify(envelope === 'spec' ? { body } : body));
  return new Response(bytes, { status, headers: { ...headers, 'content-length': String(bytes.byteLength) } });
}
