// Prism, by Stoplight: a second opinion on openapi/rufus.yaml. Run by npx, so that its 180 packages stay out of the lock file.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** The last one that runs on Node 20. */
const PACKAGE = '@stoplight/prism-cli@5.14.2';
const DOCUMENT = 'openapi/rufus.yaml';
/** One of its packages would report the installation to its makers. */
const QUIET = { SCARF_ANALYTICS: 'false', npm_config_ignore_scripts: 'true', npm_config_loglevel: 'error' };

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('There is no free port');
  return address.port;
}

/** Starts `prism ARGS` on the document; resolves once it listens. */
async function start(command: string, ...args: string[]): Promise<AsyncDisposable & { readonly url: string }> {
  const port = await freePort();
  const words = ['--yes', '--package', PACKAGE, 'prism', command, ...args, '--port', String(port)];
  const child = spawn('npx', words, {
    env: { ...process.env, ...QUIET },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const ended = once(child, 'close');
  let output = '';
  const listening = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        // Later it tells of every request: nobody reads that.
        if (output.includes('is listening')) return;
        output += text;
        if (output.includes('is listening')) resolve();
      });
    }
  });
  const early = ended.then(() => Promise.reject(new Error(`Prism did not start:\n${output}`)));
  await Promise.race([listening, early]);
  early.catch(() => {});
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      // npx and what it has started.
      process.kill(-child.pid!);
      await ended;
    },
  };
}

/** Hands on what it is sent, and says in the header `sl-violations` where request or answer differ from the document. */
export const startProxy = (upstream: string) => start('proxy', DOCUMENT, upstream);

/** Answers by the document alone, another way each time. */
export const startMock = () => start('mock', '--dynamic', DOCUMENT);
