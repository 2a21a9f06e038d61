import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';

export interface Setting {
  readonly cwd?: string;
  /** Searched before PATH. */
  readonly path?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs a command; rejects, with all that it printed, unless it exits with 0. */
export function run([command = '', ...args]: readonly string[], setting: Setting = {}): Promise<void> {
  const { cwd = process.cwd(), path = [], environment } = setting;
  const env = { ...process.env, ...environment, PATH: [...path, process.env.PATH].join(delimiter) };
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const printed: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => printed.push(text));
    }
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`$ ${[command, ...args].join(' ')}   (in ${cwd})\n${printed.join('')}`));
    });
  });
}
