import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** What is imported, in a form that can be read twice: to check it, and to send it. */
export class InputFile implements AsyncDisposable {
  /** As people know it. */
  readonly name: string;
  readonly #handle: FileHandle;
  /** Of the copy that has to be removed; undefined without one. */
  readonly #folder: string | undefined;

  private constructor(name: string, handle: FileHandle, folder?: string) {
    this.name = name;
    this.#handle = handle;
    this.#folder = folder;
  }

  /** `-` is standard input. A pipe is copied to a temporary file first, which nobody else can read. */
  static async open(file: string, signal: AbortSignal): Promise<InputFile> {
    if (file === '-') return InputFile.#copyOf(process.stdin, 'standard input', signal);
    const handle = await open(file);
    if ((await handle.stat()).isFile()) return new InputFile(file, handle);
    return InputFile.#copyOf(handle.createReadStream(), file, signal);
  }

  /** From its beginning. */
  bytes(): AsyncIterable<Uint8Array> {
    return this.#handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 256 * 1024 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  static async #copyOf(source: Readable, name: string, signal: AbortSignal): Promise<InputFile> {
    const folder = await mkdtemp(join(tmpdir(), 'rufus-import-'));
    const copy = join(folder, 'copy');
    const file = new InputFile(name, await open(copy, 'wx+', 0o600), folder);
    // Where the system allows it, the copy has no name from here on: not even kill -9 leaves it behind.
    if (process.platform !== 'win32') await rm(folder, { recursive: true });
    try {
      const stop = () => source.destroy(signal.reason);
      signal.addEventListener('abort', stop, { once: true });
      for await (const chunk of source) await file.#handle.writeFile(chunk);
      signal.removeEventListener('abort', stop);
      return file;
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw error;
    }
  }
}
