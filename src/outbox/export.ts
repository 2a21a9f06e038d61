import { randomBytes } from 'node:crypto';
import { readdir, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { checkedOptions, oneOf } from '../core/options.js';
import { isSystemError, reasonOf } from './disk/disk.js';
import { StorageError } from './errors.js';
import type { HistoryEntry, Journal } from './journal.js';
import { checkedPath } from './options.js';

interface Format {
  readonly head: string;
  readonly line: (entry: HistoryEntry) => string;
}

// The vendor's own export begins with these columns; the others of it are not known.
const THEIRS = ['__typename', 'timestamp', 'num_passing', 'latitude', 'longitude', 'status'];
const OURS = ['bib', 'chip', 'participant_id', 'timezone', 'gender', 'token_session', 'state'];
const COLUMNS = [...THEIRS, ...OURS];

const FORMATS: Readonly<Record<'jsonl' | 'csv', Format>> = {
  jsonl: { head: '', line: (entry) => `${JSON.stringify(rowOf(entry))}\n` },
  csv: {
    head: `${COLUMNS.join(',')}\r\n`,
    line(entry) {
      const row: Record<string, unknown> = { __typename: 'Passing', ...rowOf(entry) };
      return `${COLUMNS.map((column) => cell(row[column])).join(',')}\r\n`;
    },
  },
};

const rowOf = ({ token_session, num_passing, passing, state }: HistoryEntry): object => ({
  token_session,
  num_passing,
  ...passing,
  state,
});

/** RFC 4180 */
function cell(value: unknown): string {
  if (value === undefined || value === null) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Writes what the folder has to a file, which gets its name when it is complete: of several exports to one file, the last one wins.
 * Returns how many passings the file holds.
 */
export async function exportHistory(
  journal: Journal,
  path: string,
  options: { format?: 'jsonl' | 'csv' | undefined } = {},
): Promise<number> {
  const { format = 'jsonl' } = checkedOptions('options', options, { format: true });
  const file = checkedPath('file', path, 'a file to write');
  const { head, line } = FORMATS[oneOf('format', format, ['jsonl', 'csv'])];
  const draft = `${file}.${randomBytes(6).toString('hex')}.part`;
  let count = 0;
  async function* content(): AsyncGenerator<string> {
    yield head;
    for await (const chunk of journal.history()) {
      yield chunk.map(line).join('');
      count += chunk.length;
    }
  }
  try {
    await removeLeftovers(file).catch(() => undefined);
    await writeFile(draft, content(), { mode: 0o600, flush: true });
    await rename(draft, file);
    return count;
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    if (!isSystemError(error)) throw error;
    throw new StorageError(`The export to ${file} failed: ${reasonOf(error)}`, { cause: error });
  }
}

/** A draft that was not written to for so long is abandoned: no export pauses so long. */
const ABANDONED_MS = 3_600_000;

/** Removes the drafts of exports to the same file that were killed. */
async function removeLeftovers(file: string): Promise<void> {
  const begin = `${basename(file)}.`;
  for (const name of await readdir(dirname(file))) {
    if (!name.startsWith(begin) || !/^[0-9a-f]{12}\.part$/.test(name.slice(begin.length))) continue;
    const path = join(dirname(file), name);
    if (Date.now() - (await stat(path)).mtimeMs > ABANDONED_MS) await unlink(path);
  }
}
