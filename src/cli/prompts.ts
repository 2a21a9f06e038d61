import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { misuse } from './command-error.js';
import type { Context } from './context.js';

/** Asks on a terminal; elsewhere nobody could answer, and --yes has to say so beforehand. */
export async function confirmed(question: string, context: Context): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw misuse(`${question} Say so with --yes.`);
  const answer = await ask(`${question} [y/N] `, process.stderr, context);
  return /^y(es)?$/i.test(answer.trim());
}

/** Reads a line from the terminal without showing it. */
export async function askSecretly(question: string, context: Context): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    return await ask(question, nowhere, context);
  } finally {
    process.stderr.write('\n');
  }
}

/** An end of input (Ctrl-D) is an empty answer. */
async function ask(question: string, echo: NodeJS.WritableStream, { signal }: Context): Promise<string> {
  const asking = createInterface({ input: process.stdin, output: echo, terminal: true });
  // The terminal hands Ctrl-C over as a key.
  asking.on('SIGINT', () => process.emit('SIGINT'));
  // Asked only now: from here on it is readline that echoes what is typed, not the terminal.
  if (echo !== process.stderr) process.stderr.write(question);
  // Some versions of Node reject at Ctrl-D, others only close.
  const closed = once(asking, 'close').then(() => '');
  try {
    return await Promise.race([asking.question(echo === process.stderr ? question : '', { signal }), closed]);
  } catch (error) {
    if (signal.aborted) throw error;
    return '';
  } finally {
    asking.close();
  }
}
