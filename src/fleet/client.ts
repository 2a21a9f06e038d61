import { clientOver, type RufusClient } from '../client.js';
import type { Known } from '../core/option-names.js';
import { checkedOptions } from '../core/options.js';
import { boxWire } from './box-wire.js';
import { Names } from './names.js';
import { checkedBox, checkedConnecting, checkedName } from './options.js';
import type { FleetClientOptions } from './types.js';

const OPTIONS: Known<FleetClientOptions> = {
  nats: true,
  box: true,
  name: true,
  timeoutMs: true,
  totalTimeoutMs: true,
  retry: true,
  headers: true,
  validation: true,
  maxResponseBytes: true,
  middleware: true,
  logger: true,
  logLevel: true,
  appInfo: true,
};

/**
 * On a box: a client without a key, whose calls a `serve` worker of the fleet carries to the API. Everything works with it, the outbox and
 * `follow` too. A call that no worker took was never sent: its error says `requestMaybeProcessed: false`. What the fleet does
 * not allow is a PermissionDeniedError, with the reason. Of `headers` only harmless ones travel (`traceparent`, `x-request-id`, …).
 *
 * `nats` may be the promise of a connection: the box then takes reads before its line is up, and its calls wait for it, each within its time.
 *
 * @throws RufusConfigError - an option is missing or wrong
 *
 * @example
 * const nats = connect({ servers: 'leaf.local', waitOnFirstConnect: true, maxReconnectAttempts: -1 });
 * const client = fleetClient({ nats, box: '0042' });
 * const device = { type: 'reader', model: 'R1', serial_number: '0042' };
 * const outbox = await openOutbox({ client, directory: './finish', session: { device, open: 'active-or-new' } });
 */
export function fleetClient(options: FleetClientOptions): RufusClient {
  const { nats, box, name, ...rest } = checkedOptions('options', options, OPTIONS);
  const names = new Names(checkedName(name));
  return clientOver(boxWire(checkedConnecting(nats), names, checkedBox(box)), rest);
}
