import type { ZodObject, ZodType } from 'zod';
import * as wire from '../../generated/zod.gen.js';
import type { BindDeviceInput } from '../../types.js';
import { type Checked, checked } from './checked.js';
import { checkId } from './ids.js';
import { issuesOf } from './issues.js';
import { safeParse } from './safe-parse.js';

function checkObject<T extends object>(schema: ZodObject & ZodType<T>, input: unknown): Checked<T> {
  const parsed = safeParse(schema, input);
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, issues: issuesOf(parsed.error, input, [], Object.keys(schema.shape)) };
}

/** The device to bind, as it is sent. */
export function checkDevice(device: unknown): Checked<BindDeviceInput> {
  return checkObject(wire.BindDeviceRequest, device);
}

/** The session to open, as it is sent. */
export function checkSession(session: unknown): Checked<{ deviceid: string; alias?: string | undefined }> {
  const input = checkObject(wire.CreateSessionRequest, session);
  return input.ok ? checked(input.value, checkId('deviceid', input.value.deviceid)) : input;
}
