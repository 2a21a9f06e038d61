import type { ZodObject, ZodType } from 'zod';
import * as wire from '../../generated/zod.gen.js';
import { type Checked, checked } from './assert-valid.js';
import { checkId } from './ids.js';
import { issuesOf } from './issues.js';
import { safeParse } from './safe-parse.js';

/** The check of a body that is sent as its schema has it. */
export function bodyOf<T extends object>(schema: ZodObject & ZodType<T>): (input: unknown) => Checked<T> {
  return (input) => {
    const parsed = safeParse(schema, input);
    if (parsed.success) return { ok: true, value: parsed.data };
    return { ok: false, issues: issuesOf(parsed.error, input, [], Object.keys(schema.shape)) };
  };
}

/** The device to bind, as the outbox takes it among its options. */
export const checkDevice = bodyOf(wire.BindDeviceRequest);

const checkSessionFields = bodyOf(wire.CreateSessionRequest);

/** The session to open, as it is sent. */
export function checkSession(session: unknown): ReturnType<typeof checkSessionFields> {
  const result = checkSessionFields(session);
  return result.ok ? checked(result.value, checkId('deviceid', result.value.deviceid)) : result;
}
