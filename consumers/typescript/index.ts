import { mkdtemp } from 'node:fs/promises';
import {
  ConflictError,
  type FollowCursor,
  type Logger,
  type Middleware,
  NotFoundError,
  type Passing,
  type PassingInput,
  RufusClient,
  type RufusClientOptions,
  RufusError,
} from 'rufus-client';
import { type BoardOptions, type ServedBoard, serveBoard } from 'rufus-client/board';
import { type NewPassing, type Outbox, OutboxClosedError, openOutbox } from 'rufus-client/outbox';
import { Passing as PassingSchema } from 'rufus-client/schemas';

const lines: string[] = [];
const write = (message: string, fields?: object) => void lines.push(`${message} ${JSON.stringify(fields)}`);
const logger: Logger = { error: write, warn: write, info: write, debug: write };
const timed: Middleware = async (context, next) => {
  const response = await next(context);
  lines.push(`${context.operation} ${response.status}`);
  return response;
};

export async function race(options: RufusClientOptions): Promise<Passing[]> {
  const client = new RufusClient({ ...options, logger, middleware: [timed], retry: { maxRetries: 1 } });
  const device = { type: 'reader', model: 'TypeScript', serial_number: process.env.CONSUMER ?? '' };
  const { deviceid } = await client.devices.ensureBound(device);
  const { token_session } = await client.sessions.create({ deviceid });
  const passings = ['7', 'W1', 'F12'].map(
    (bib, index): PassingInput => ({ num_passing: index + 1, bib, timestamp: new Date() }),
  );
  const { data, response } = await client.passings.insert(token_session, passings).withResponse();
  if (data.inserted_count !== 3 || response.attempts !== 1) throw new Error('Not inserted');

  const read: Passing[] = await client.passings.listBySession(token_session).toArray({ limit: 10 });
  if (PassingSchema.parse(read[0]).bib !== '7') throw new Error('Not read');
  const cursor: FollowCursor = { token_session, last: read.length };
  lines.push(JSON.stringify(cursor));

  const refused: unknown = await client.devices.bind(device).catch((error: unknown) => error);
  if (!(refused instanceof ConflictError) || refused.deviceid !== deviceid) throw new Error('Not refused');
  const missing: unknown = await client.sessions.get('unknown').catch((error: unknown) => error);
  if (!(missing instanceof NotFoundError) || !(missing instanceof RufusError)) throw new Error('Not missing');
  if (missing.status !== 404 || missing.code !== 'not_found') throw new Error('Not said');

  const outbox: Outbox = await openOutbox({
    client,
    directory: await mkdtemp('outbox-'),
    session: { deviceid, open: 'new' },
    retain: { hours: 1 },
  });
  outbox.on('delivered', ({ inserted }) => lines.push(`${inserted} delivered`));
  const unnumbered = passings.map(({ bib, timestamp }): NewPassing => ({ bib, timestamp }));
  const receipts = await outbox.append(unnumbered);
  await outbox.drained();
  const { pending } = await outbox.close();
  const late: unknown = await outbox.append({ bib: '7', timestamp: new Date() }).catch((error: unknown) => error);
  if (receipts.length !== 3 || pending !== 0 || !(late instanceof OutboxClosedError)) throw new Error('Not queued');
  const boardOptions: BoardOptions = { client, devices: 'all', listen: { port: 0 } };
  const board: ServedBoard = await serveBoard(boardOptions);
  lines.push(board.url);
  await board.close();
  await client.close();
  return read;
}

race({}).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
