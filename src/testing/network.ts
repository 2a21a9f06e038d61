/** The errors that undici gives for a broken connection, for those who have no connection to break. */

export function connectionReset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', errno: -104, syscall: 'read' });
}

export function otherSideClosed(cause?: unknown): Error {
  const error = new Error('other side closed', cause === undefined ? undefined : { cause });
  return Object.assign(error, { name: 'SocketError', code: 'UND_ERR_SOCKET' });
}

/** After `ms`, or as soon as the signal aborts; no timer is left then. The signal is one request's own. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}
