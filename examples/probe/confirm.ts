import { createInterface } from 'node:readline/promises';
import type { Target } from './target.js';

/** Asks on the terminal; an end of input is a no. */
export async function confirmed(
  { baseUrl }: Pick<Target, 'baseUrl'>,
  input: NodeJS.ReadableStream = process.stdin,
  output: NodeJS.WritableStream = process.stderr,
): Promise<boolean> {
  const lines = createInterface({ input, output });
  const gone = new AbortController();
  lines.once('close', () => gone.abort());
  try {
    const answer = await lines.question(
      `This binds a device of its own on ${baseUrl}, opens two sessions and sends a dozen passings.\n` +
        'Without the permission to unbind devices, they stay there. Go on? [y/N] ',
      { signal: gone.signal },
    );
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    return false;
  } finally {
    lines.close();
  }
}
