import { promisify } from 'node:util';
import { RufusConfigError } from './errors.js';

interface Watch {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

// However many calls share one signal, it bears a single listener, and none once they have ended.
const watches = new WeakMap<AbortSignal, Watch>();

/** Calls back once when the signal aborts. Returns the function that stops watching; call it always. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const watch = watches.get(signal) ?? startWatch(signal);
  watch.callbacks.add(callback);
  return () => {
    watch.callbacks.delete(callback);
    if (watch.callbacks.size > 0 || watches.get(signal) !== watch) return;
    watches.delete(signal);
    signal.removeEventListener('abort', watch.listener);
  };
}

/** Checked by what it can do: a signal may come from another realm, or from a polyfill. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new RufusConfigError('`signal` must be an AbortSignal.');
  }
}

function startWatch(signal: AbortSignal): Watch {
  checkSignal(signal);
  const callbacks = new Set<() => void>();
  const listener = (): void => {
    watches.delete(signal);
    for (const callback of callbacks) callback();
  };
  const watch = { callbacks, listener };
  watches.set(signal, watch);
  signal.addEventListener('abort', listener, { once: true });
  return watch;
}

/** Waits; `false` if the signal ended the wait early. The timer and the listener are gone either way. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  if (signal?.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const timer = setTimeout(
      () => {
        stopWatching?.();
        resolve(true);
      },
      Math.min(ms, 2 ** 31 - 1),
    );
    const stopWatching =
      signal &&
      onAbort(signal, () => {
        clearTimeout(timer);
        resolve(false);
      });
  });
}

/**
 * Waits one turn of the event loop, so that undici writes the requests made so far: on a socket that was used before it does so one
 * turn later. Bound at import: a test's fake timers do not replace it.
 */
export const loopTurn = promisify(setImmediate);
