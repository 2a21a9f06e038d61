import type { ServedSandbox, ServeSandboxOptions } from 'rufus-client/testing';
import { CommandError, misuse } from './command-error.js';

/** A sandbox over HTTP, with what to do where that is not possible. */
export async function startSandbox(options: ServeSandboxOptions): Promise<ServedSandbox> {
  const { serveSandbox } = await loadSandbox();
  try {
    return await serveSandbox(options);
  } catch (error) {
    // The sandbox itself checks what its options may be.
    if (error instanceof RangeError) throw misuse(`${error.message}. See --help.`);
    throw explained(error as NodeJS.ErrnoException, options);
  }
}

/** What a shell takes over, and a person reads. */
export function environmentLines({ url, keys }: ServedSandbox): string {
  return `export RUFUS_BASE_URL=${url}
export RUFUS_API_KEY=${keys.readWrite}

# Access types:
#   READ                  ${keys.read}
#   WRITE                 ${keys.write}
#   READ_WRITE            ${keys.readWrite}
#   READ_WRITE + unbind   ${keys.admin}
`;
}

/** What to say where others reach it; nothing for an address that only this machine has. */
export function reachWarning({ address }: ServedSandbox): string | undefined {
  if (/^(127\.|::1$|::ffff:127\.)/.test(address)) return undefined;
  return (
    `It listens on ${address}, where other machines reach it. Keys and passings travel readable, and it is not ` +
    'hardened: only in a network that you trust. A client elsewhere needs `allowInsecure: true`.'
  );
}

function explained(error: NodeJS.ErrnoException, { port, host = '127.0.0.1' }: ServeSandboxOptions): Error {
  const advice: Readonly<Record<string, string>> = {
    EADDRINUSE: `Port ${port} is in use. End what listens there, give another --port, or none for a free one.`,
    EACCES: `Port ${port} is for the system. Give a --port from 1024 on, or none for a free one.`,
    EADDRNOTAVAIL: `${host} is no address of this machine. Give another --host, or 0.0.0.0 for all that it has.`,
    ENOTFOUND: `The name ${host} does not resolve. Give another --host.`,
  };
  const { code = '', syscall, message } = error;
  if (syscall === 'listen' || syscall === 'getaddrinfo') return new CommandError(advice[code] ?? message);
  return new CommandError(`${message}${/[.?]$/.test(message) ? '' : '.'}`);
}

async function loadSandbox(): Promise<typeof import('rufus-client/testing')> {
  try {
    return await import('rufus-client/testing');
  } catch (error) {
    if (!(error instanceof Error && /\bmsw\b/.test(error.message))) throw error;
    throw new CommandError(
      'The sandbox needs msw, which is not installed. Install it beside rufus-client: npm install -D msw; or for once: npx -p rufus-client -p msw rufus …',
    );
  }
}
