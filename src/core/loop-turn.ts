import { promisify } from 'node:util';

/**
 * Waits until the requests made so far have left this machine: undici writes to a socket that was used before one turn of the
 * event loop later. Taken once, so that a test's fake timers do not stop us.
 */
export const loopTurn = promisify(setImmediate);
