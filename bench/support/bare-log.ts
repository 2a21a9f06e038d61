import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { reads } from './outbox.js';
import { TOKEN } from './rows.js';

/** What the disk itself takes: a file that lines are written to, each group of them synced. Nothing is numbered, checked or delivered. */
export class BareLog {
  readonly #file: FileHandle;
  #end = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async at(path: string): Promise<BareLog> {
    return new BareLog(await open(path, 'wx'));
  }

  /** Durable when it resolves. */
  async append(lines: Buffer): Promise<void> {
    const at = this.#end;
    this.#end += lines.length;
    await this.#file.write(lines, 0, lines.length, at);
    await this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** So many lines, as long as those of an outbox. */
export function linesOf(count: number): Buffer {
  const lines = reads(count).map((passing, index) => {
    const record = { t: 'p', session: TOKEN, num: index + 1, at: Date.now(), mono: performance.now(), passing };
    const text = `${index + 1} ${JSON.stringify(record)}`;
    return `${crc32(text).toString(16).padStart(8, '0')} ${text}\n`;
  });
  return Buffer.from(lines.join(''));
}
