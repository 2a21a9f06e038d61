/** Where records go. */
export interface Sink {
  /** Resolves once there is room for more. */
  write(text: string): Promise<void>;
}

/** Resolves when the system has taken it; rejects with EPIPE where nobody reads any more. */
export const stdout: Sink = {
  write: (text) =>
    new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
    }),
};

/** `rufus … | head` has seen enough: no error. */
export function isBrokenPipe(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return (code === 'EPIPE' && syscall === 'write') || code === 'ERR_STREAM_DESTROYED';
}
