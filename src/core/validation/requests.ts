import type { ZodType } from 'zod';
import * as wire from '../../generated/zod.gen.js';
import type { BindDeviceInput } from '../../types.js';
import { type Checked, checked } from './checked.js';
import { checkId } from './ids.js';
import { issuesOf } from './issues.js';

function checkObject<T>(schema: ZodType<T>, input: unknown): Checked<T> {
  const parsed = schema.safeParse(input);
  return parsed.success ? { ok: true, value: parsed.data } : { ok: false, issues: issuesOf(parsed.error, []) };
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
