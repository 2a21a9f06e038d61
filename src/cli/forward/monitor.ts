import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { OutboxState, OutboxStats } from 'rufus-client/outbox';
import { type Address, shown } from './addresses.js';
import { boundTo, listenOn } from './listener.js';

/** How a forwarder stands, now. */
export interface Figures {
  readonly read: number;
  readonly rejected: number;
  /** Lines whose chip is not in the table; undefined without a table. */
  readonly unknownChips: number | undefined;
  /** Decoders that are connected; undefined where none connect. */
  readonly connections: number | undefined;
  readonly outbox: OutboxStats;
}

const STATES: readonly OutboxState[] = ['idle', 'sending', 'backoff', 'blocked', 'paused', 'closed'];

/** Serves `GET /health` and `GET /metrics`. */
export class Monitor {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(
    address: Address,
    maxAgeMs: number,
    figures: () => Figures,
    note: (line: string) => void,
  ): Promise<Monitor> {
    const server = createServer({ requestTimeout: 10_000 }, (request, response) =>
      answer(request, response, maxAgeMs, figures),
    );
    server.maxConnections = 16;
    await listenOn(server, address, '--http');
    note(`Health and metrics on http://${shown(boundTo(server))}.`);
    return new Monitor(server);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

function answer(
  { method, url }: IncomingMessage,
  response: ServerResponse,
  maxAgeMs: number,
  figures: () => Figures,
): void {
  const path = url?.split('?')[0];
  if (path !== '/health' && path !== '/metrics') {
    respond(response, 404, TEXT, 'There are /health and /metrics.\n');
  } else if (method !== 'GET' && method !== 'HEAD') {
    respond(response.setHeader('allow', 'GET, HEAD'), 405, TEXT, 'GET it.\n');
  } else if (path === '/metrics') {
    respond(response, 200, 'text/plain; version=0.0.4; charset=utf-8', metrics(figures()));
  } else {
    const health = healthOf(figures(), maxAgeMs);
    const body = `${JSON.stringify(health, null, 2)}\n`;
    respond(response, health.status === 'ok' ? 200 : 503, 'application/json', body);
  }
}

const TEXT = 'text/plain; charset=utf-8';

function respond(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}

/** With what is wrong, in words. A session's token is a secret: its first characters tell which one it is. */
function healthOf(figures: Figures, maxAgeMs: number): { status: 'ok' | 'failing'; problems: string[] } & Figures {
  const { state, storage, oldestPendingAgeMs, lastError } = figures.outbox;
  const problems: string[] = [];
  if (state === 'blocked') problems.push(`blocked: ${lastError ?? 'somebody must look at it'}`);
  if (storage === 'full') problems.push('the disk is full: no line is taken');
  if (storage === 'failed') problems.push('the disk has failed: no line is taken');
  if (oldestPendingAgeMs !== null && oldestPendingAgeMs > maxAgeMs) {
    problems.push(`the oldest pending passing has waited for ${Math.round(oldestPendingAgeMs / 1_000)} s`);
  }
  const token_session = `${figures.outbox.token_session.slice(0, 8)}…`;
  const status = problems.length === 0 ? 'ok' : 'failing';
  return { status, problems, ...figures, outbox: { ...figures.outbox, token_session } };
}

function metrics({ read, rejected, unknownChips, connections, outbox }: Figures): string {
  const lastDelivered = outbox.lastDeliveredAt === null ? undefined : Date.parse(outbox.lastDeliveredAt) / 1_000;
  return [
    metric('forward_read_total', 'counter', 'Lines read since the start, blank ones and headers left out.', read),
    metric('forward_rejected_total', 'counter', 'Lines since the start that became no passing.', rejected),
    metric(
      'forward_unknown_chips_total',
      'counter',
      'Lines since the start whose chip is not in the table.',
      unknownChips,
    ),
    metric('forward_connections', 'gauge', 'Decoders that are connected.', connections),
    metric(
      'outbox_oldest_pending_age_seconds',
      'gauge',
      'Age of the oldest passing that is not delivered. Alarm on this one.',
      (outbox.oldestPendingAgeMs ?? 0) / 1_000,
    ),
    metric('outbox_pending', 'gauge', 'Passings not yet delivered.', outbox.pending),
    metric('outbox_parked', 'gauge', 'Passings set aside for an operator.', outbox.parked),
    metric('outbox_appended_total', 'counter', 'Passings taken, for as long as the folder lives.', outbox.appended),
    metric(
      'outbox_delivered_total',
      'counter',
      'Passings delivered, for as long as the folder lives.',
      outbox.delivered,
    ),
    metric('outbox_requests_total', 'counter', 'Insert requests.', outbox.requests),
    metric('outbox_retries_total', 'counter', 'Those that repeated a failed one.', outbox.retries),
    metric('outbox_disk_bytes', 'gauge', 'Size of the folder.', outbox.diskBytes),
    metric(
      'outbox_storage_ok',
      'gauge',
      '1 while lines are taken, 0 on a full or failed disk.',
      Number(outbox.storage === 'ok'),
    ),
    metric('outbox_last_delivered_timestamp_seconds', 'gauge', 'When the last batch was confirmed.', lastDelivered),
    head('outbox_state', 'gauge', '1 for the state it is in.'),
    ...STATES.map((state) => `rufus_outbox_state{state="${state}"} ${Number(outbox.state === state)}\n`),
  ].join('');
}

const head = (name: string, type: string, help: string): string =>
  `# HELP rufus_${name} ${help}\n# TYPE rufus_${name} ${type}\n`;

function metric(name: string, type: 'counter' | 'gauge', help: string, value: number | undefined): string {
  return value === undefined ? '' : `${head(name, type, help)}rufus_${name} ${value}\n`;
}
