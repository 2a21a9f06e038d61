import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { misuse } from '../command-error.js';
import type { Sink } from './stdout.js';

/** A file that appears whole or not at all: written under another name beside it, and renamed at the end. */
export class Draft implements Sink, AsyncDisposable {
  readonly #handle: FileHandle;
  /** Undefined where the target is no file (a pipe, /dev/null): that is written to as it is. */
  readonly #names: { readonly draft: string; readonly target: string } | undefined;
  #isOpen = true;

  private constructor(handle: FileHandle, names?: { draft: string; target: string }) {
    this.#handle = handle;
    this.#names = names;
  }

  /** @throws {CommandError} where the file exists already, unless `force` */
  static async open(file: string, { force = false }: { force?: boolean | undefined }): Promise<Draft> {
    const there = await stat(file).catch(() => undefined);
    if (there === undefined || there.isFile()) {
      if (there !== undefined && !force) throw misuse(`${file} exists already: give another name, or --force.`);
      // Of a symbolic link, what it points to is replaced, not the link.
      const target = there === undefined ? file : await realpath(file);
      const draft = `${target}.part`;
      // Left by one that was killed. Not opened as it is: it might be somebody's link.
      await rm(draft, { force: true });
      return new Draft(await open(draft, 'wx', there === undefined ? 0o666 : there.mode & 0o777), { draft, target });
    }
    return new Draft(await open(file, 'w'));
  }

  async write(text: string): Promise<void> {
    await this.#handle.writeFile(text);
  }

  /** From here on the file is there. */
  async finish(): Promise<void> {
    if (this.#names !== undefined) await this.#handle.sync();
    await this.#close();
    if (this.#names !== undefined) await rename(this.#names.draft, this.#names.target);
  }

  /** Unless it was finished, nothing of it stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    await this.#close();
    if (this.#names !== undefined) await rm(this.#names.draft, { force: true });
  }

  async #close(): Promise<void> {
    this.#isOpen = false;
    await this.#handle.close();
  }
}
