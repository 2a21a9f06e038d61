import type { Sandbox, SandboxOptions } from 'rufus-client/testing';
import { CommandError, misuse } from './command-error.js';

export interface ServedSandbox {
  readonly sandbox: Sandbox;
  readonly url: string;
  close(): Promise<void>;
}

/** A sandbox over HTTP on loopback; port 0 is any that is free. */
export async function serveSandbox(options: SandboxOptions, port = 0): Promise<ServedSandbox> {
  const { Sandbox } = await loadSandbox();
  try {
    const sandbox = new Sandbox(options);
    const { url, close } = await sandbox.listen(port);
    return { sandbox, url, close };
  } catch (error) {
    // The sandbox itself checks what its options may be.
    if (error instanceof RangeError) throw misuse(`${error.message}. See --help.`);
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new CommandError(
      `Port ${port} is in use. End what listens there, give another --port, or none for a free one.`,
    );
  }
}

/** What a shell takes over, and a person reads. */
export function environmentLines({ url, sandbox: { keys } }: ServedSandbox): string {
  return `export RUFUS_BASE_URL=${url}
export RUFUS_API_KEY=${keys.readWrite}

# Access types:
#   READ                  ${keys.read}
#   WRITE                 ${keys.write}
#   READ_WRITE            ${keys.readWrite}
#   READ_WRITE + unbind   ${keys.admin}
`;
}

async function loadSandbox(): Promise<typeof import('rufus-client/testing')> {
  try {
    return await import('rufus-client/testing');
  } catch (error) {
    if (!(error instanceof Error && error.message.includes("'msw'"))) throw error;
    throw new CommandError(
      'The sandbox needs msw, which is not installed. Install it beside rufus-client: npm install -D msw; or for once: npx -p rufus-client -p msw rufus …',
    );
  }
}
