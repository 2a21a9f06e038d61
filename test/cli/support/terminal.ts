import { spawn, spawnSync } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { BIN, environment, type Setting } from './rufus.js';

/** `script` of util-linux gives a child process a terminal. That of macOS has other options. */
export const hasTerminals = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;

export interface OnTerminal {
  /** All that the terminal was sent, by the command and by the echo of what is typed. */
  readonly screen: () => string;
  readonly ended: Promise<{ code: number | null; screen: string }>;
  type(keys: string): void;
  shows(pattern: RegExp): Promise<RegExpExecArray>;
}

/** The built `rufus` on a terminal of its own, `columns` wide. */
export function onTerminal(
  args: readonly string[],
  { env, columns = 80 }: Setting & { columns?: number } = {},
): OnTerminal {
  const quoted = [process.execPath, BIN, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const command = `stty cols ${columns} rows 24; exec ${quoted}`;
  const child = spawn('script', ['-qfec', command, '/dev/null'], {
    env: { ...environment(env), TERM: 'xterm-256color' },
  });
  let screen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
  });
  child.stdin.on('error', () => {});
  const ended = new Promise<{ code: number | null; screen: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, screen })),
  );
  onTestFinished(async () => {
    if (child.exitCode === null) child.kill('SIGKILL');
    await ended;
  });
  return {
    screen: () => screen,
    ended,
    type: (keys) => child.stdin.write(keys),
    shows: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(screen);
          if (found !== null) resolve(found);
        };
        look();
        child.stdout.on('data', look);
        void ended.then(() => reject(new Error(`It ended without showing ${pattern}: ${screen}`)));
      }),
  };
}
