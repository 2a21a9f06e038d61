import type { BindDeviceInput, Sessions } from '../../types.js';
import type { Known } from '../option-names.js';
import { isRecord } from '../payload.js';
import type { SchemaName } from './by-schema.js';
import { checked, type DeferredCheck } from './issues.js';
import { checkId } from './parameters.js';
import { schemas } from './schemas.js';

/** The check of a body that is sent as its schema has it. */
function bodyOf<T extends object>(schema: SchemaName, known: Known<T>): (input: unknown) => DeferredCheck<T> {
  const fields = Object.keys(known);
  return (input) => {
    const body = captured(input, fields);
    return () => checked(body as T, schemas.loaded!.faultsBySchema(schema, body, [], fields));
  };
}

/** A copy on which the schema finds the same faults. Each field is read once: it may be a getter. */
function captured(input: unknown, fields: readonly string[]): unknown {
  if (!isRecord(input)) return input;
  const body: Record<string, unknown> = Object.create(null);
  for (const field of fields) body[field] = input[field];
  // Of an unknown field the name says enough.
  for (const field of Object.keys(input)) if (!fields.includes(field)) body[field] = undefined;
  return body;
}

/** The device to bind; the outbox takes one among its options. */
export const checkDevice = bodyOf<BindDeviceInput>('BindDeviceRequest', {
  type: true,
  model: true,
  serial_number: true,
  alias: true,
  firmware: true,
});

type NewSession = Parameters<Sessions['create']>[0];
const checkSessionFields = bodyOf<NewSession>('CreateSessionRequest', { deviceid: true, alias: true });

/** The session to open, as it is sent. */
export function checkSession(session: unknown): DeferredCheck<NewSession> {
  const captured = checkSessionFields(session);
  return () => {
    const result = captured();
    return result.ok ? checked(result.value, checkId('deviceid', result.value.deviceid)) : result;
  };
}
