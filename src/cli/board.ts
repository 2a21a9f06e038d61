import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { BoardOptions, ServedBoard } from 'rufus-client/board';
import type { Address } from './addresses.js';
import { misuse } from './command-error.js';
import type { Context } from './context.js';
import { stdout } from './output/stdout.js';

export interface BoardCommandOptions {
  readonly listen?: Address;
  readonly state?: string;
  readonly title?: string;
  readonly timezone?: string;
  readonly token?: string;
  readonly public?: boolean;
  readonly demo?: boolean;
  readonly open?: boolean;
}

/** Serves the live board until it is told to stop. */
export async function board(context: Context, devices: readonly string[], options: BoardCommandOptions): Promise<void> {
  if (options.demo && devices.length > 0) throw misuse('With --demo the devices are simulated: name none.');
  const served = await serve(context, devices, options);
  try {
    await stdout.write(`${served.url}\n`);
    // As the page takes the token: behind the #, which no browser sends to a server.
    const link = options.token === undefined ? served.url : `${served.url}/#token=${options.token}`;
    if (context.screen.isWatched) context.screen.note(`Open ${link} in a browser. Ctrl-C ends the board.`);
    if (options.open) openBrowser(link, context);
    if (!context.signal.aborted) await once(context.signal, 'abort');
  } finally {
    await served.close();
  }
}

async function serve(
  context: Context,
  devices: readonly string[],
  { listen, state, title, timezone: timeZone, token, public: isPublic, demo }: BoardCommandOptions,
): Promise<ServedBoard> {
  const { serveBoard, serveDemoBoard } = await import('rufus-client/board');
  const shown: Omit<BoardOptions, 'client' | 'devices'> = { listen, state, title, timeZone, token, public: isPublic };
  if (demo) return serveDemoBoard(shown);
  return serveBoard({ client: await context.client(), devices: devices.length === 0 ? 'all' : devices, ...shown });
}

/** Whoever has none can type the address. */
function openBrowser(link: string, { screen }: Context): void {
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open', link]
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '""', link]
        : ['xdg-open', link];
  spawn(command!, args, { stdio: 'ignore', detached: true, windowsVerbatimArguments: true })
    .on('error', ({ message }) => screen.warn(`no browser could be opened: ${message}`))
    .unref();
}
