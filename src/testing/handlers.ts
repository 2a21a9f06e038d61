import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'msw';
import type { ApiReply } from './exchange.js';
import { type Faults, inject, isBodiless } from './faults.js';
import { HttpResponse, http } from './msw.js';
import { pause } from './network.js';
import { OPERATIONS, type Operation, type Permission } from './operations.js';
import { parseJson, Refusal } from './requests.js';
import type { Settings } from './settings.js';
import type { SandboxKeys } from './types.js';
import type { World } from './world.js';

const VERBS = { GET: http.get, POST: http.post, PATCH: http.patch, DELETE: http.delete };

/** One msw handler per operation, on any origin and below any base path that ends in /v0. */
export function makeHandlers(world: World, settings: Settings, faults: Faults): RequestHandler[] {
  return OPERATIONS.map((operation) =>
    VERBS[operation.method](mswPath(operation), async ({ request, params: matched }) => {
      const params = matched as Readonly<Record<string, string>>;
      const fault = faults.take(operation, params);
      if (settings.latencyMs > 0) await pause(settings.latencyMs, request.signal);
      if (request.signal.aborted) return HttpResponse.error();
      const answer = async () => write(await respond(operation, world, settings, request, params), settings);
      if (fault === undefined) return answer();
      return inject(fault, request.signal, answer, (status) => write(failure(status, settings), settings));
    }),
  );
}

/** `*` + `/v0/sessions/:token_session`, say. */
export const mswPath = (operation: Operation): string => `*/v0${operation.path.replace(/\{(\w+)\}/g, ':$1')}`;

async function respond(
  operation: Operation,
  world: World,
  settings: Settings,
  request: Request,
  params: Readonly<Record<string, string>>,
): Promise<ApiReply> {
  try {
    authorize(operation.permission, request.headers, world.keys, settings.unknownKey);
    const body = operation.method === 'POST' ? await readJson(request, settings.maxBodyBytes) : undefined;
    const query = new URL(request.url).searchParams;
    return operation.answer({ world, settings, params, query, body });
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
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
function failure(status: number, { envelope }: Settings): { status: number; body: ApiReply['body'] | null } {
  return {
    status,
    body: status === 500 && envelope === 'spec' ? null : { description: `Injected by the sandbox: ${status}` },
  };
}

function write({ status, body }: { status: number; body: ApiReply['body'] | null }, { envelope }: Settings): Response {
  const headers = { 'content-type': 'application/json', 'x-amzn-requestid': randomUUID() };
  if (isBodiless(status)) return new HttpResponse(null, { status, headers });
  const bytes = Buffer.from(JSON.stringify(envelope === 'spec' ? { body } : body));
  return new HttpResponse(bytes, { status, headers: { ...headers, 'content-length': String(bytes.byteLength) } });
}
