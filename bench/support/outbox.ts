import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NewPassing } from '../../src/outbox/index.js';
import { entryUrl, RufusClient } from './built.js';
import { crossing, KEY, TOKEN } from './rows.js';

export const { openOutbox } = (await import(entryUrl('outbox'))) as typeof import('../../src/outbox/index.js');

/** The outbox of the benchmarks' session in this folder; what is delivered goes to `baseUrl`. */
export function outboxAt(directory: string, baseUrl: string): ReturnType<typeof openOutbox> {
  const client = new RufusClient({ apiKey: KEY, baseUrl });
  return openOutbox({ client, directory, session: { token_session: TOKEN, startAt: 1 } });
}

/** A folder on the disk of the system's temporary files, gone at the end. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'rufus-bench-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

/** As the reader hands them over: the outbox numbers them. */
export function reads(count: number): NewPassing[] {
  return Array.from({ length: count }, (_, index) => {
    const { num_passing: _number, ...read } = crossing(index + 1);
    return read;
  });
}
