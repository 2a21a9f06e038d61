import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Guard } from './guard.js';
import type { Page } from './page.js';

export interface Routes {
  readonly page: Page;
  /** JSON of `/api/state`. */
  state(): string;
  /** JSON of `/api/runner`. */
  runner(bib: string): string;
  events(response: ServerResponse, lastEventId: string | undefined): void;
}

/** Of every answer. None of it is anybody else's, and nothing of it is to be kept. */
const HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Answers a request of whoever may ask. */
export function respond(request: IncomingMessage, response: ServerResponse, guard: Guard, routes: Routes): void {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  // Not by URL: it throws at some of what a client may send here.
  const [path, query] = (request.url ?? '/').split('?', 2);
  if (!guard.isOurs(request)) {
    refuse(response, 403, 'Not how this board is addressed. Open it by its address, or by a name of its machine.');
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    refuse(response, 405, 'The board can only be read.');
  } else if (path === '/') {
    // There is nothing in the page yet: it may be had without the token, which its address has behind the #.
    routes.page.send(request, response);
  } else if (!guard.isAllowed(request)) {
    response.setHeader('www-authenticate', 'Bearer');
    refuse(response, 401, 'Send the token of the board: Authorization: Bearer TOKEN.');
  } else if (path === '/api/state') {
    json(response, 200, routes.state());
  } else if (path === '/api/runner') {
    const bib = new URLSearchParams(query).get('bib')?.trim();
    if (bib) json(response, 200, routes.runner(bib));
    else refuse(response, 400, 'Say which bib: /api/runner?bib=17.');
  } else if (path === '/events') {
    events(request, response, routes);
  } else {
    refuse(response, 404, 'There are /, /api/state, /api/runner?bib= and /events.');
  }
}

function events({ method, headers }: IncomingMessage, response: ServerResponse, routes: Routes): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
  if (method === 'HEAD') response.end();
  else routes.events(response, headers['last-event-id']?.toString());
}

function json(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(text);
}

const refuse = (response: ServerResponse, status: number, error: string): void =>
  json(response, status, JSON.stringify({ error }));
