import { readFile, stat } from 'node:fs/promises';
import { misuse } from '../command-error.js';
import { cellsOf } from '../records/csv.js';
import { LineError } from '../records/line-error.js';
import { LineSplitter } from '../records/lines.js';
import { pause } from './pause.js';

/** How often the file is looked at. A new version is read once it has stayed the same for this long. */
const WATCH_MS = 500;

/** Which bib a chip belongs to: a CSV `chip,bib` that may change while it is in use. */
export class BibTable {
  readonly #path: string;
  #bibs: ReadonlyMap<string, string>;
  /** Of the version that was read last, good or not. */
  #version: string;

  private constructor(path: string, bibs: ReadonlyMap<string, string>, version: string) {
    this.#path = path;
    this.#bibs = bibs;
    this.#version = version;
  }

  static async open(path: string): Promise<BibTable> {
    try {
      const version = await versionOf(path);
      return new BibTable(path, bibsIn(await readFile(path)), version);
    } catch (error) {
      throw misuse(`The file of --bibs cannot be used: ${path}: ${wordsOf(error)}.`);
    }
  }

  get size(): number {
    return this.#bibs.size;
  }

  bibOf(chip: string): string | undefined {
    return this.#bibs.get(chip);
  }

  /** Reads the file again whenever it has changed, until `signal`. `onRead`: with what was wrong, if something was. */
  async watch(onRead: (fault: string | undefined) => void, signal: AbortSignal): Promise<void> {
    let seen = this.#version;
    for (;;) {
      await pause(WATCH_MS, signal);
      if (signal.aborted) return;
      const version = await versionOf(this.#path).catch(() => 'absent');
      // Whoever writes it may not have finished.
      const isStable = version === seen;
      seen = version;
      if (!isStable || version === this.#version) continue;
      this.#version = version;
      onRead(await this.#read());
    }
  }

  /** What is wrong with the new version; the old one stays then. */
  async #read(): Promise<string | undefined> {
    try {
      this.#bibs = bibsIn(await readFile(this.#path));
      return undefined;
    } catch (error) {
      return wordsOf(error);
    }
  }
}

async function versionOf(path: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(path, { bigint: true });
  return [ino, size, mtimeNs].join();
}

/** @throws LineError - it is no such table, and why */
function bibsIn(content: Buffer): Map<string, string> {
  const splitter = new LineSplitter();
  const lines = splitter.push(content);
  const last = splitter.finish();
  if (last !== undefined) lines.push(last);
  const bibs = new Map<string, string>();
  let [chipAt, bibAt] = [0, 1];
  for (const [index, line] of lines.entries()) {
    const fault = (what: string) => new LineError(`line ${index + 1} ${what}`);
    if (line.text === undefined) throw fault(`is no text: ${line.fault}`);
    const text = index === 0 ? line.text.replace(/^\uFEFF/, '') : line.text;
    if (text === '') continue;
    const cells = cellsOf(text, ',');
    if (cells.length !== 2) throw fault('has not two cells: chip,bib');
    if (index === 0 && cells.includes('chip') && cells.includes('bib')) {
      chipAt = cells.indexOf('chip');
      bibAt = cells.indexOf('bib');
      continue;
    }
    const [chip = '', bib = ''] = [cells[chipAt], cells[bibAt]];
    if (chip === '' || bib === '') throw fault('has an empty cell');
    if ((bibs.get(chip) ?? bib) !== bib) throw fault('gives a second bib to a chip');
    bibs.set(chip, bib);
  }
  if (lines.length === 0) throw new LineError('it is empty');
  return bibs;
}

function wordsOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return error instanceof LineError ? message : (code ?? message);
}
