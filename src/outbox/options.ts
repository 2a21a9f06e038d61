import { RufusConfigError } from '../core/errors.js';
import type { Known } from '../core/option-names.js';
import { asInteger, checkedOptions, duration, oneOf } from '../core/options.js';
import { checkDevice } from '../core/validation/bodies.js';
import { idFault } from '../core/validation/parameters.js';
import type { JournalOptions } from './journal.js';
import type { OutboxOptions, OutboxSession } from './types.js';

/** The options, checked, with the defaults filled in; the journal fills in its own. */
export interface OutboxSettings {
  readonly client: OutboxOptions['client'];
  readonly session: OutboxSession;
  readonly onSessionClosed: 'park' | 'new-session';
  readonly batch: { readonly max: number; readonly maxBytes: number; readonly lingerMs: number };
  readonly backoff: { readonly firstMs: number; readonly maxMs: number };
  readonly probeMs: number;
  readonly journal: JournalOptions;
}

const OPTIONS: Known<OutboxOptions> = {
  client: true,
  directory: true,
  session: true,
  onSessionClosed: true,
  maxDiskBytes: true,
  minFreeBytes: true,
  maxPendingBytes: true,
  retain: true,
  batch: true,
  backoff: true,
  probeMs: true,
  durability: true,
};

/** @throws RufusConfigError - it names the option */
export function outboxSettings(options: OutboxOptions): OutboxSettings {
  if (typeof options !== 'object' || options === null)
    throw new RufusConfigError('`openOutbox` takes an options object.');
  checkedOptions('options', options, OPTIONS);
  const { client, durability } = options;
  const batch = checkedOptions('batch', options.batch ?? {}, { max: true, maxBytes: true, lingerMs: true });
  const backoff = checkedOptions('backoff', options.backoff ?? {}, { firstMs: true, maxMs: true });
  const retain = checkedOptions('retain', options.retain ?? {}, { hours: true, maxBytes: true });
  if (typeof client?.passings?.insert !== 'function') throw new RufusConfigError('`client` must be a RufusClient.');
  const directory = checkedPath('directory', options.directory, 'a folder that only this outbox uses');
  const firstMs = duration('backoff.firstMs', backoff.firstMs ?? 250);
  return {
    client,
    session: checkedSession(options.session),
    onSessionClosed: oneOf('onSessionClosed', options.onSessionClosed ?? 'park', ['park', 'new-session']),
    batch: {
      max: asInteger('batch.max', batch.max ?? 500, 1),
      maxBytes: asInteger('batch.maxBytes', batch.maxBytes ?? 512 * 1024, 1),
      lingerMs: atLeastZero('batch.lingerMs', batch.lingerMs ?? 50),
    },
    backoff: { firstMs, maxMs: Math.max(firstMs, duration('backoff.maxMs', backoff.maxMs ?? 30_000)) },
    probeMs: duration('probeMs', options.probeMs ?? 60_000),
    journal: {
      directory,
      maxDiskBytes: optional(options.maxDiskBytes, (bytes) => asInteger('maxDiskBytes', bytes, 1)),
      minFreeBytes: optional(options.minFreeBytes, (bytes) => asInteger('minFreeBytes', bytes, 0)),
      maxPendingBytes: optional(options.maxPendingBytes, (bytes) => asInteger('maxPendingBytes', bytes, 1)),
      retain: {
        hours: optional(retain.hours, (hours) => atLeastZero('retain.hours', hours)),
        maxBytes: optional(retain.maxBytes, (bytes) => asInteger('retain.maxBytes', bytes, 0)),
      },
      durability: optional(durability, (word) => oneOf('durability', word, ['fsync', 'os'])),
    },
  };
}

/** @throws RufusConfigError - it names the field */
export function checkedSession(session: OutboxSession): OutboxSession {
  if (typeof session !== 'object' || session === null) {
    throw new RufusConfigError('`session` must be { token_session }, { device, open } or { deviceid, open }.');
  }
  if ('token_session' in session) {
    checkedOptions('session', session, { token_session: true, startAt: true });
    checkedId('session.token_session', session.token_session);
    if (session.startAt !== undefined) asInteger('session.startAt', session.startAt, 0);
    return session;
  }
  if ('device' in session) {
    checkedOptions('session', session, { device: true, open: true, alias: true });
  } else {
    checkedOptions('session', session, { deviceid: true, open: true, alias: true });
    checkedId('session.deviceid', session.deviceid);
  }
  oneOf('session.open', session.open, ['active-or-new', 'new']);
  if (session.alias !== undefined && typeof session.alias !== 'string') {
    throw new RufusConfigError('`session.alias` must be text.');
  }
  return session;
}

/** The device of {@link checkedSession}, for which the schemas have to be loaded. @throws RufusConfigError - it names the field */
export function checkSessionDevice(session: OutboxSession): void {
  if (!('device' in session)) return;
  const device = checkDevice(session.device)();
  if (device.ok) return;
  const [fault] = device.issues;
  throw new RufusConfigError(`\`${['session.device', ...fault!.path].join('.')}\` is unusable: ${fault!.message}.`);
}

/** @throws RufusConfigError - also for a NUL, which no file system allows in a path */
export function checkedPath(name: string, value: unknown, of: string): string {
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value;
  throw new RufusConfigError(`\`${name}\` must be the path of ${of}.`);
}

function checkedId(name: string, value: unknown): void {
  const fault = idFault(value);
  if (fault !== undefined) throw new RufusConfigError(`\`${name}\` is unusable: ${fault}.`);
}

export function atLeastZero(name: string, value: number): number {
  if (typeof value !== 'number' || !(value >= 0))
    throw new RufusConfigError(`\`${name}\` must be a number of at least 0.`);
  return value;
}

const optional = <T, U>(value: T | undefined, check: (value: T) => U): U | undefined =>
  value === undefined ? undefined : check(value);
