import type { ZodType } from 'zod';
import * as wire from '../../generated/zod.gen.js';
import { isPassing } from './passing-row.js';

/** What makes an item usable: text, an integer, or either of them where it is there at all. */
export type IdentityKind = 'string' | 'integer' | 'string?' | 'integer?';

/** How an item or a body that comes is judged. */
export interface Shape {
  /** For messages. */
  readonly name: string;
  readonly schema: ZodType;
  /** The fields that identify it: unusable ones are refused in either mode. */
  readonly identity: Readonly<Record<string, IdentityKind>>;
  /** It has `latitude` and `longitude`, to be made numbers. */
  readonly coordinates?: boolean;
  /** Passes only what the schema accepts, and faster. */
  readonly precheck?: (row: Record<string, unknown>) => boolean;
  /** The field whose content is judged apart, as items. */
  readonly payload?: string;
}

function shape(name: string, schema: ZodType, identity: Shape['identity'], rest: Partial<Shape> = {}): Shape {
  return { name, schema, identity, ...rest };
}

export const shapes = {
  passing: shape('passing', wire.Passing, { num_passing: 'integer' }, { coordinates: true, precheck: isPassing }),
  session: shape('session', wire.Session, { token_session: 'string' }),
  device: shape('device', wire.Device, { deviceid: 'string' }),
  raceEvent: shape('event', wire.RaceEvent, { event_token: 'string' }),

  /** bind, unbind */
  deviceReceipt: shape('device receipt', wire.DeviceReceipt, { deviceid: 'string' }),
  /** create, close */
  sessionReceipt: shape('session receipt', wire.SessionReceipt, { token_session: 'string' }),
  /** insert */
  insertReceipt: shape('insert receipt', wire.InsertReceipt, { token_session: 'string' }),

  deviceList: shape('list of devices', wire.DeviceList, {}, { payload: 'result' }),
  sessionList: shape('list of sessions', wire.SessionList, {}, { payload: 'result' }),
  passingList: shape('list of passings', wire.PassingList, {}, { payload: 'result' }),
  eventList: shape('list of events', wire.EventList, {}, { payload: 'result' }),
  /** The continuous query. Where its cursor is unusable, so is the answer. */
  passingPoll: shape(
    'continuous query',
    wire.PassingPoll,
    { session_used: 'string?', resumed_from: 'integer?' },
    { payload: 'passings' },
  ),
} as const satisfies Record<string, Shape>;
