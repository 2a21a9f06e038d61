// Holds the walks of ARCHITECTURE.md against what really runs: the files of src that one call executes, by V8's own count.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RufusClient } from '../src/index.js';
import { Sandbox, type SandboxServer } from '../src/testing/index.js';
import { PROJECT_FOLDER, runScript } from './support/child.js';

const page = readFileSync(join(PROJECT_FOLDER, 'ARCHITECTURE.md'), 'utf8');
const sandbox = new Sandbox();
let server: SandboxServer;
beforeAll(async () => {
  server = await sandbox.listen();
});
afterAll(() => server.close());

/** The files in the table below this heading. */
function listed(heading: string): string[] {
  const [, table = ''] =
    new RegExp(`\\n### ${heading}\\n[^#]*?\\n\\| --- \\| --- \\|\\n((?:\\|.*\\n)+)`).exec(page) ?? [];
  const files = [...table.matchAll(/^\| `src\/([\w./-]+)`/gm)].map(([, file]) => file!);
  expect(files.length).toBeGreaterThan(5);
  return files.sort();
}

async function executed(walk: string): Promise<string[]> {
  const env = { RUFUS_BASE_URL: server.url, RUFUS_API_KEY: sandbox.keys.readWrite };
  await using client = new RufusClient({ apiKey: env.RUFUS_API_KEY, baseUrl: env.RUFUS_BASE_URL });
  const { deviceid } = await client.devices.bind({ type: 'reader', model: 'R1', serial_number: walk });
  const { token_session } = await client.sessions.create({ deviceid });
  const { code, stdout, stderr } = await runScript('test/support/walk.ts', [walk, deviceid, token_session], env);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as string[];
}

const isIn = (part: string) => (file: string) => file.startsWith(`${part}/`);

test('from insert to the socket and back', async () => {
  expect(await executed('insert')).toEqual(listed('From `insert` to the socket and back'));
});

test('from append to delivered', async () => {
  const files = await executed('append');
  expect(files.filter(isIn('outbox'))).toEqual(listed('From `append` to delivered'));
  expect(files.length).toBeLessThan(56);
});

test("from the API to a follower's batch", async () => {
  const files = await executed('follow');
  const known = listed("From the API to a follower's batch");
  expect(files.filter(isIn('live')).filter((file) => !known.includes(file))).toEqual([]);
  expect(files.length).toBeLessThan(33);
});
