import type { NatsConnection } from '@nats-io/transport-node';
import { internals } from '../client.js';
import { RufusConfigError } from '../core/errors.js';
import type { Known } from '../core/option-names.js';
import { asInteger, asObject, checkedOptions } from '../core/options.js';
import { idFault } from '../core/validation/parameters.js';
import { decoded, encoded } from './names.js';
import type { FleetFollowOptions, FleetOptions } from './types.js';

/** The options of a fleet, checked, with every default filled in. */
export interface FleetSettings {
  readonly client: FleetOptions['client'];
  readonly nats: NatsConnection;
  readonly name: string;
  readonly replicas: 1 | 3 | 5;
  readonly leaseMs: number;
  readonly retainMs: number;
  readonly retainBytes: number;
}

const OPTIONS: Known<FleetOptions> = {
  client: true,
  nats: true,
  name: true,
  replicas: true,
  leaseMs: true,
  retain: true,
};
const DEFAULT_NAME = 'rufus';
/** So long a list of ids still fits into a message. */
export const MOST_DEVICES = 10_000;

/** @throws RufusConfigError - it names the option */
export function fleetSettings(options: FleetOptions): FleetSettings {
  checkedOptions('options', options, OPTIONS);
  const { client, replicas = 1, leaseMs = 10_000 } = options;
  const retain = checkedOptions('retain', options.retain ?? {}, { hours: true, maxBytes: true });
  if (typeof client?.passings?.follow !== 'function') throw new RufusConfigError('`client` must be a RufusClient.');
  if (!internals.isOwn(client)) {
    throw new RufusConfigError(
      '`client` is of another copy of rufus-client: `import` both entries, or `require` both.',
    );
  }
  if (replicas !== 1 && replicas !== 3 && replicas !== 5) {
    throw new RufusConfigError('`replicas` must be 1, 3 or 5.');
  }
  if (asInteger('leaseMs', leaseMs, 200) > 600_000) throw new RufusConfigError('`leaseMs` must not exceed 600000.');
  const { hours = 168, maxBytes = 8 * 1024 ** 3 } = retain;
  if (typeof hours !== 'number' || !(hours > 0) || hours > 87_600) {
    throw new RufusConfigError('`retain.hours` must be a number above 0 and up to 87600.');
  }
  return {
    client,
    nats: checkedNats(options.nats),
    name: checkedName(options.name),
    replicas,
    leaseMs,
    // The server counts in nanoseconds, and takes no less than 100 ms.
    retainMs: Math.max(100, Math.round(hours * 3_600_000)),
    retainBytes: asInteger('retain.maxBytes', maxBytes, 64 * 1024),
  };
}

function checkedNats(nats: NatsConnection): NatsConnection {
  if (typeof nats?.request === 'function' && typeof nats.subscribe === 'function') return nats;
  throw new RufusConfigError('`nats` must be a connection, made with connect() of @nats-io/transport-node.');
}

/** The connection, or the promise of one: whether it becomes one is seen when it does. */
export function checkedConnecting(nats: NatsConnection | Promise<NatsConnection>): Promise<NatsConnection> {
  if (typeof (nats as Promise<NatsConnection>)?.then !== 'function') {
    return Promise.resolve(checkedNats(nats as NatsConnection));
  }
  const connecting = Promise.resolve(nats).then(checkedNats);
  // Whoever makes a call is told.
  connecting.catch(() => {});
  return connecting;
}

export function checkedName(name: string | undefined): string {
  if (name === undefined) return DEFAULT_NAME;
  if (typeof name === 'string' && /^[a-z0-9_-]{1,32}$/.test(name)) return name;
  throw new RufusConfigError('`name` must be 1 to 32 of the characters a-z, 0-9, _ and -.');
}

/** An id that becomes a part of a subject, encoded. */
export function checkedToken(name: string, value: string): string {
  const fault = idFault(value);
  if (fault !== undefined) throw new RufusConfigError(`\`${name}\` is unusable: ${fault}.`);
  return value;
}

/** The name of a box, which a worker reads off a subject. */
export function checkedBox(box: string): string {
  if (decoded(encoded(checkedToken('box', box))) === box) return box;
  throw new RufusConfigError('`box` is too long: at most 120 letters and digits, or 40 other characters.');
}

/** @returns the ids, each once, in order; `'all'` as it is */
export function checkedDevices(devices: FleetFollowOptions['devices']): readonly string[] | 'all' {
  if (devices === 'all') return 'all';
  if (typeof devices === 'string' || typeof asObject('devices', devices)[Symbol.iterator] !== 'function') {
    throw new RufusConfigError("`devices` must be a list of device ids, or 'all'.");
  }
  return [...new Set([...devices].map((each) => checkedToken('devices', each)))].sort();
}
