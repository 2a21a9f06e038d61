import { PermissionDeniedError } from '../core/errors.js';
import type { Call } from './calls.js';
import type { Ownership } from './ownership.js';
import type { FleetServeOptions } from './types.js';

/** What a box may do without being asked why: all of it with the device whose serial number is its name. */
const WITH_OWN_DEVICE = new Set([
  'devices.get',
  'sessions.create',
  'sessions.getActive',
  'sessions.listByDevice',
  'passings.listByDevice',
  'passings.poll',
]);
const WITH_OWN_SESSION = new Set(['sessions.get', 'sessions.close', 'passings.insert', 'passings.listBySession']);

/**
 * Why a call may not be made; undefined where it may.
 *
 * @throws what the API answered to a question about the box: then nobody knows yet
 */
export async function refusalOf(
  box: string,
  call: Call,
  ownership: Ownership,
  allow: FleetServeOptions['allow'],
): Promise<string | undefined> {
  const { token_session } = call;
  const { name: operation, method } = call.operation;
  if (allow !== undefined) {
    const deviceid =
      call.deviceid ?? (token_session === undefined ? undefined : ownership.knownDeviceOf(token_session));
    const isAllowed = await allow({ box, operation, method, deviceid, token_session });
    return isAllowed === true ? undefined : `the fleet does not allow box ${quoted(box)} this ${operation}`;
  }
  try {
    return await ownDeviceOnly(box, call, ownership);
  } catch (error) {
    // Only this one is final: the key may write, and must also read for these questions.
    if (!(error instanceof PermissionDeniedError)) throw error;
    return `whose device this is cannot be asked, since the fleet's own key may not read: give \`serve\` an \`allow\``;
  }
}

async function ownDeviceOnly(box: string, call: Call, ownership: Ownership): Promise<string | undefined> {
  const { deviceid, token_session, serial_number } = call;
  const operation = call.operation.name;
  if (operation === 'devices.bind') {
    return serial_number === box ? undefined : `box ${quoted(box)} may bind only the device with its own serial number`;
  }
  const isOfDevice = WITH_OWN_DEVICE.has(operation);
  if (!isOfDevice && !WITH_OWN_SESSION.has(operation)) return `a box may not use ${operation}`;
  const isOwn =
    (isOfDevice ? deviceid !== undefined : token_session !== undefined) &&
    (deviceid === undefined || (await ownership.isDeviceOf(box, deviceid))) &&
    (token_session === undefined || (await ownership.isSessionOf(box, token_session)));
  return isOwn ? undefined : `box ${quoted(box)} may use ${operation} for its own device only`;
}

/** A name may hold anything. */
const quoted = (box: string): string => JSON.stringify(box.slice(0, 64));
