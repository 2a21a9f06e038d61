import type { FileHandle } from 'node:fs/promises';
import { open, readFile, truncate } from 'node:fs/promises';
import { RufusConfigError } from 'rufus-client';
import type { BatchRecord } from './record.js';

const HEADER = `${JSON.stringify({ format: 'rufus-client board', version: 1 })}\n`;
const NEWLINE = 0x0a;

/**
 * The state file: a line for each batch, with the cursor that belongs to it, so that counts and cursor cannot part. A
 * line is complete or is not there. Whatever a crash or a bad disk takes from its end, RUFUS gives again.
 */
export class Journal {
  readonly #file: FileHandle;
  #tail: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Reads what there is, hands it to `take` in order, and cuts off what is damaged. Readable by its owner only: a cursor holds a token. */
  static async open(path: string, take: (record: BatchRecord) => void): Promise<Journal> {
    const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw new RufusConfigError(`The state file cannot be read: ${error.message}`, { cause: error });
    });
    const isNew = content.length < HEADER.length && HEADER.startsWith(content.toString());
    if (!isNew && !content.toString('utf8', 0, HEADER.length).startsWith(HEADER)) {
      throw new RufusConfigError(`${path} is no state file of a board, or one of a later version. Name another one.`);
    }
    const end = isNew ? 0 : replay(content, take);
    try {
      if (end < content.length) await truncate(path, end);
      const file = await open(path, 'a', 0o600);
      if (isNew) await file.appendFile(HEADER);
      return new Journal(file);
    } catch (error) {
      throw new RufusConfigError(`The state file cannot be written: ${(error as Error).message}`, { cause: error });
    }
  }

  /**
   * Resolves once the line is the operating system's: a kill does not take it away. After a failure nothing more is
   * written, or the file would have a gap; the next start goes on from where it ends.
   */
  append(record: BatchRecord): Promise<void> {
    this.#tail = this.#tail.then(async () => {
      if (this.#failure !== undefined) return;
      await this.#file.appendFile(`${JSON.stringify(record)}\n`).catch((error: Error) => {
        this.#failure = error;
      });
    });
    return this.#tail;
  }

  /** Why nothing is written any more. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#file.close();
  }
}

/** Where the last intact line ends. */
function replay(content: Buffer, take: (record: BatchRecord) => void): number {
  let end = HEADER.length;
  for (;;) {
    const next = content.indexOf(NEWLINE, end) + 1;
    const record = next === 0 ? undefined : parsed(content.toString('utf8', end, next));
    if (record === undefined) return end;
    take(record);
    end = next;
  }
}

function parsed(line: string): BatchRecord | undefined {
  try {
    const record = JSON.parse(line) as BatchRecord;
    return typeof record.deviceid === 'string' && Array.isArray(record.rows) && record.cursor !== null
      ? record
      : undefined;
  } catch {
    return undefined;
  }
}
