#!/usr/bin/env node
import { VERSION } from '../version.js';
import { type Command, HELP, readArguments } from './bin-arguments.js';

const USAGE = 2;

async function main(): Promise<void> {
  const command = readArguments();
  if (command === 'help') return console.log(HELP);
  if (command === 'version') return console.log(VERSION);

  const { startServer } = await import('./bin-server.js');
  const server = await startServer(command).catch((error: unknown) => {
    throw explained(error, command);
  });
  const { read, write, readWrite, admin } = server.keys;
  if (!/^(127\.|::1$|::ffff:127\.)/.test(server.address)) {
    console.error(
      `rufus-sandbox: Warning: it listens on ${server.address}, where other machines reach it. Keys and passings travel readable, ` +
        'and it is not hardened: only in a network that you trust. A client elsewhere needs `allowInsecure: true`',
    );
  }
  console.log(`# RUFUS sandbox, ${command.state === undefined ? 'in memory' : `kept in ${command.state}`}. Ctrl-C ends it.
export RUFUS_BASE_URL=${server.url}
export RUFUS_API_KEY=${readWrite}

# Access types:
#   READ                  ${read}
#   WRITE                 ${write}
#   READ_WRITE            ${readWrite}
#   READ_WRITE + unbind   ${admin}`);

  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server.close());
}

/** The system's error in listening, with what to do about it. */
function explained(error: unknown, { port, host = '127.0.0.1' }: Command): unknown {
  const advice: Readonly<Record<string, string>> = {
    EADDRINUSE: `Port ${port} is in use. End what listens there, give another --port, or none for a free one`,
    EACCES: `Port ${port} is for the system. Give a --port from 1024 on, or none for a free one`,
    EADDRNOTAVAIL: `${host} is no address of this machine. Give another --host, or 0.0.0.0 for all that it has`,
    ENOTFOUND: `The name ${host} does not resolve. Give another --host`,
  };
  const { code = '', syscall } = error as { code?: string; syscall?: string };
  const message = syscall === 'listen' || syscall === 'getaddrinfo' ? advice[code] : undefined;
  return message === undefined ? error : new Error(message);
}

main().catch((error: unknown) => {
  const { message = String(error), code } = error as { message?: string; code?: string };
  const misused = error instanceof RangeError || code?.startsWith('ERR_PARSE_ARGS');
  console.error(`rufus-sandbox: ${message}${misused ? '\nSee rufus-sandbox --help' : ''}`);
  process.exitCode = misused ? USAGE : 1;
});
