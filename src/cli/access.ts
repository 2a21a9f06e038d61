import { randomBytes } from 'node:crypto';
import { AuthenticationError, NotFoundError, PermissionDeniedError, type RufusClient } from 'rufus-client';

/** What a key may do. The fourth thing, reading nothing and writing nothing, is a key that is refused. */
export interface Access {
  readonly read: boolean;
  readonly write: boolean;
  readonly unbind: boolean;
}

/** Finds out what the key may do. Nothing changes on the server: what is to be written names an id that nothing has. */
export async function accessOf(client: RufusClient, signal: AbortSignal): Promise<Access> {
  const nothing = randomBytes(32).toString('hex').toUpperCase();
  const call = { signal };
  return {
    read: await isAllowed(client.devices.list({ limit: 1 }, call)),
    write: await isAllowed(client.sessions.close(nothing, call)),
    unbind: await isAllowed(client.devices.unbind(nothing, call)),
  };
}

async function isAllowed(call: PromiseLike<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof AuthenticationError || error instanceof PermissionDeniedError) return false;
    // "Session not found", in the API's own words: it has looked. A gateway's page proves nothing.
    if (error instanceof NotFoundError && error.description !== undefined) return true;
    throw error;
  }
}

/** "read and write", say. */
export function inWords({ read, write, unbind }: Access): string {
  const may = [read && 'read', write && 'write', unbind && 'unbind devices'].filter((each) => each !== false);
  return may.length === 0 ? 'nothing' : may.join(', ').replace(/, (?=[^,]*$)/, ' and ');
}
