// Prints the files of src that one operation executes, as JSON: `tsx walk.ts insert|append|follow DEVICEID TOKEN`, with the API in the environment.
import { mkdtempSync, rmSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RufusClient } from 'rufus-client';
import { openOutbox } from 'rufus-client/outbox';

const SRC = new URL('../../src/', import.meta.url).href;
const [, , walk, deviceid = '', token_session = ''] = process.argv;
const passing = (num_passing: number) => ({
  num_passing,
  bib: '7',
  timestamp: new Date(1_700_000_000_000 + num_passing),
});

const inspector = new Session();
inspector.connect();
await inspector.post('Profiler.enable');

/** A file counts where one of its functions has run. What runs at import, from its offset 0, is none. */
async function filesOf(operation: () => Promise<unknown>): Promise<string[]> {
  await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  await inspector.post('Profiler.takePreciseCoverage');
  await operation();
  const { result } = await inspector.post('Profiler.takePreciseCoverage');
  return result
    .filter(
      ({ url, functions }) =>
        url.startsWith(SRC) && functions.some(({ ranges: [range] }) => range!.count > 0 && range!.startOffset > 0),
    )
    .map(({ url }) => url.slice(SRC.length).replace(/\?.*$/, ''))
    .sort();
}

const walks: Record<string, () => Promise<string[]>> = {
  async insert() {
    await new RufusClient().passings.insert(token_session, [passing(1)]);
    // Everything is loaded now; another client opens its own connections.
    const client = new RufusClient();
    return filesOf(() => client.passings.insert(token_session, [passing(2)]));
  },
  async append() {
    const directory = mkdtempSync(join(tmpdir(), 'rufus-walk-'));
    try {
      const session = { token_session, startAt: 1 };
      await using outbox = await openOutbox({ client: new RufusClient(), directory, session });
      const deliver = async (): Promise<void> => {
        await outbox.append({ bib: '7', timestamp: new Date() });
        await outbox.drained();
      };
      await deliver();
      return await filesOf(deliver);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
  async follow() {
    const client = new RufusClient();
    await client.passings.insert(token_session, [passing(1)]);
    const batches = client.passings.follow(deviceid, { pollMs: { min: 50, max: 50 } })[Symbol.asyncIterator]();
    await batches.next();
    // By another program: this one only follows.
    const insert = fetch(`${process.env.RUFUS_BASE_URL}/passings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': process.env.RUFUS_API_KEY! },
      body: JSON.stringify({ token_session, passings_list: [passing(2)] }),
    });
    const files = await filesOf(() => Promise.all([insert, batches.next()]));
    await batches.return?.();
    return files;
  },
};
console.log(JSON.stringify(await walks[walk!]!()));
process.exit(0);
