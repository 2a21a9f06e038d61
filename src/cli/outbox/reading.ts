import { resolve } from 'node:path';
import { type OutboxReading, readOutbox } from 'rufus-client/outbox';

/** The folder, as it is named to people, and what is in it now. */
export async function reading<T>(folder: string, use: (outbox: OutboxReading) => Promise<T>): Promise<T> {
  const outbox = await readOutbox(resolve(folder));
  try {
    return await use(outbox);
  } finally {
    await outbox.close();
  }
}

const PAGE = 500;

/** A record at a time as a page at a time, which is how records are written. */
export async function* pagesOf<T, R>(items: AsyncIterable<T>, recordOf: (item: T) => R): AsyncGenerator<R[]> {
  let page: R[] = [];
  for await (const item of items) {
    page.push(recordOf(item));
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

/** A token lets anybody write to its session: enough of it to tell two apart. */
export const shortened = (token: string): string => (token === '' ? '' : `${token.slice(0, 8)}…`);
