// Holds the public interfaces against what is generated from the OpenAPI document. Checked by `npm run typecheck`.
import type { z } from 'zod';
import type * as wire from '../../src/generated/types.gen.js';
import type * as schemas from '../../src/schemas.js';
import type * as api from '../../src/types.js';

/** Fails to compile where `Sub` is not assignable to `Super`. */
type Fits<Super, Sub extends Super> = Sub;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type True<T extends true> = T;

/** An undefined in an optional field is the same as no field: the one difference between a caller's object and the wire's. */
type Sparse<T> = { [K in keyof T]: undefined extends T[K] ? T[K] | undefined : T[K] };
/** As they come, coordinates may be text, and the ids of a passing null; as they are handed on, they are numbers and absent. */
type Settled = Omit<wire.Passing, 'latitude' | 'longitude' | 'token_session' | 'deviceid'>;
type Handed = Omit<api.Passing, 'latitude' | 'longitude' | 'token_session' | 'deviceid'>;

export type Items = [
  // The same fields, required and optional alike.
  True<Same<keyof api.Device, keyof wire.Device>>,
  True<Same<keyof api.Session, keyof wire.Session>>,
  True<Same<keyof api.RaceEvent, keyof wire.RaceEvent>>,
  True<Same<keyof api.Passing, keyof wire.Passing>>,
  // What the document describes is what the interface promises, and the reverse.
  Fits<api.Device, wire.Device>,
  Fits<wire.Device, api.Device>,
  Fits<api.Session, wire.Session>,
  Fits<wire.Session, api.Session>,
  Fits<api.RaceEvent, wire.RaceEvent>,
  Fits<wire.RaceEvent, api.RaceEvent>,
  Fits<Handed, Settled>,
  Fits<Settled, Handed>,
  // Every passing that is handed on could have come.
  Fits<wire.Passing, api.Passing>,
];

export type Requests = [
  True<Same<keyof api.PassingInput, keyof wire.PassingInput>>,
  True<Same<keyof api.BindDeviceInput, keyof wire.BindDeviceRequest>>,
  // What the wire takes may be handed over, and what is handed over is what it takes, but for Dates and undefined.
  Fits<api.PassingInput, wire.PassingInput>,
  Fits<Sparse<wire.PassingInput>, Omit<api.PassingInput, 'timestamp'> & { timestamp: string }>,
  Fits<api.BindDeviceInput, wire.BindDeviceRequest>,
  Fits<Sparse<wire.BindDeviceRequest>, api.BindDeviceInput>,
];

export type Schemas = [
  // What a schema gives is what the generated type says: a passing read from a file can be sent, a session be used.
  Fits<Sparse<wire.Passing>, z.infer<typeof schemas.Passing>>,
  Fits<Sparse<wire.Session>, z.infer<typeof schemas.Session>>,
  Fits<Sparse<wire.Device>, z.infer<typeof schemas.Device>>,
  Fits<Sparse<wire.RaceEvent>, z.infer<typeof schemas.RaceEvent>>,
  Fits<api.PassingInput, z.infer<typeof schemas.PassingInput>>,
  Fits<api.BindDeviceInput, z.infer<typeof schemas.BindDeviceRequest>>,
];
