// pino as `logger`: npm run examples:operations, then npx tsx examples/operations/pino.ts
import { type Logger as Pino, pino } from 'pino';
import { type Logger, RufusClient } from 'rufus-client';
import { Sandbox } from 'rufus-client/testing';

/** pino takes the fields first, and the message behind them. */
const behind = (log: Pino): Logger => ({
  error: (message, fields = {}) => log.error(fields, message),
  warn: (message, fields = {}) => log.warn(fields, message),
  info: (message, fields = {}) => log.info(fields, message),
  debug: (message, fields = {}) => log.debug(fields, message),
});

const log = pino({ level: process.env.LOG_LEVEL ?? 'debug' });
const sandbox = new Sandbox();
await using client = new RufusClient({
  apiKey: sandbox.keys.readWrite,
  dispatcher: sandbox.dispatcher,
  logger: behind(log.child({ module: 'rufus' })),
  logLevel: 'debug', // pino decides: one level to set
});

const { deviceid } = await client.devices.ensureBound({ type: 'reader', model: 'R1', serial_number: 'pino-1' });
const { token_session } = await client.sessions.create({ deviceid });
sandbox.fault({ kind: 'status', status: 503, on: 'POST /passings' });
await client.passings.insert(token_session, [{ num_passing: 1, bib: '17', timestamp: new Date() }]);
