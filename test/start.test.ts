// What the built package loads, and when: importing it and making a client next to nothing, and nothing any more once it is warm.
import { cpSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { RufusClient } from '../src/index.js';
import { Sandbox } from '../src/testing/index.js';
import { PROJECT_FOLDER, runNode } from './support/child.js';
import { passing } from './support/operations.js';

const built = inject('dist');
const LATER = /^(executor|by-schema|pagination|iterators|insert-batches)-/;

describe.each(['js', 'cjs'])('the build for .%s', (extension) => {
  /** Runs in a project of its own, `PROJECT`, with `load` to load what is in it. */
  function run(project: string, body: string, env: Record<string, string> = {}) {
    const load = extension === 'js' ? 'import(name)' : 'require(name)';
    const program = `
      const { rmSync, renameSync, readdirSync } = require('node:fs');
      const load = async (name) => ${load};
      const entry = (name) => load('${project}/dist/' + name + '.${extension}');
      const tell = (...words) => console.log(...words);
      /** What a call or a check was refused with. */
      const refused = (promise) => promise.then(() => 'not refused', (error) => error.constructor.name + ' ' + error.code);
      (async () => {${body}})();`;
    return runNode(['--input-type=commonjs', '--eval', program], { cwd: project, env });
  }

  /** A copy of the package in a folder of its own; without `installed` there is no dependency anywhere around. */
  function project({ installed }: { installed: boolean }): string {
    const folder = mkdtempSync(join(tmpdir(), 'rufus-start-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    cpSync(built, join(folder, 'dist'), { recursive: true });
    cpSync(join(PROJECT_FOLDER, 'package.json'), join(folder, 'package.json'));
    if (installed) symlinkSync(join(PROJECT_FOLDER, 'node_modules'), join(folder, 'node_modules'), 'junction');
    return folder;
  }

  const laterOf = (folder: string, ending = extension) =>
    readdirSync(join(folder, 'dist')).filter((name) => LATER.test(name) && name.endsWith(`.${ending}`));

  test('imports and makes a client without any dependency, and without what is loaded later', async () => {
    const folder = project({ installed: false });
    const later = laterOf(folder);
    expect(later).toHaveLength(5);
    for (const name of later) rmSync(join(folder, 'dist', name));
    const { stdout, stderr } = await run(
      folder,
      `const { RufusClient, passingTime } = await entry('index');
       const client = new RufusClient({ apiKey: 'k' });
       client.devices.list(); client.passings.listBySession('T').pages(); client.passings.follow('D');
       await client.close();
       tell(Object.keys(await entry('outbox')).length > 5, passingTime({ timestamp: '2024-04-21T09:30:00Z' }).getTime());`,
    );
    expect({ stdout, stderr }).toEqual({ stdout: 'true 1713691800000\n', stderr: '' });
  });

  test('says what cannot be loaded, and tries again', async () => {
    const folder = project({ installed: true });
    const { stdout, stderr } = await run(
      folder,
      `const { RufusClient } = await entry('index');
       const { openOutbox } = await entry('outbox');
       const dist = '${folder}/dist/';
       const later = readdirSync(dist).filter((name) => ${LATER}.test(name) && name.endsWith('.${extension}'));
       for (const name of later) renameSync(dist + name, dist + name + '.away');
       const client = new RufusClient({ apiKey: 'ror-0123456789abcdef0123', baseUrl: 'http://127.0.0.1:9/v0', retry: false });
       const passing = { num_passing: 1, bib: '1', timestamp: new Date() };
       const all = [
         () => client.devices.get('D'),
         () => client.passings.insert('T', [passing]),
         () => client.passings.insertMany('T', [passing]),
         () => client.devices.list().then(),
         () => client.devices.list()[Symbol.asyncIterator]().next(),
         () => client.passings.follow('D')[Symbol.asyncIterator]().next(),
         () => openOutbox({ client, directory: '${folder}/outbox', session: { token_session: 'T' } }),
       ];
       for (const make of all) tell(await refused(make()));
       await client.devices.get('D').catch((error) => tell(error.message));
       for (const name of later) renameSync(dist + name + '.away', dist + name);
       for (const make of all.slice(0, 5)) tell(await refused(make()));`,
    );
    expect(stderr).toBe('');
    const lines = stdout.trim().split('\n');
    expect(lines.slice(0, 7)).toEqual(Array(7).fill('RufusConfigError not_loaded'));
    expect(lines[7]).toMatch(
      /^A part of rufus-client .* cannot be loaded: Cannot find module .*(executor|by-schema)-.* again/,
    );
    expect(lines.slice(8)).toEqual(Array(5).fill('RufusConnectionError connection'));
  });

  /** A sandbox that listens, with a session that has the passings 1 to 3. */
  async function served() {
    const sandbox = new Sandbox();
    const server = await sandbox.listen();
    onTestFinished(() => server.close());
    const client = new RufusClient({ apiKey: sandbox.keys.admin, baseUrl: server.url });
    const { deviceid } = await client.devices.bind({ type: 'reader', model: 'R1', serial_number: '1' });
    const { token_session } = await client.sessions.create({ deviceid });
    await client.passings.insert(
      token_session,
      [1, 2, 3].map((number) => passing(number)),
    );
    await client.close();
    const env = {
      RUFUS_API_KEY: sandbox.keys.admin,
      RUFUS_BASE_URL: server.url,
      DEVICE: deviceid,
      SESSION: token_session,
    };
    return { sandbox, token_session, env };
  }

  const SETUP = `
    const { DEVICE, SESSION } = process.env;
    const read = (num_passing) => ({ num_passing, bib: '7', timestamp: '2024-04-21T09:30:00Z' });
    const lines = [];
    const line = (message) => lines.push(message);
    const logger = { error: line, warn: line, info: line, debug: line };`;
  /** Nothing is left to load: neither the package nor a dependency. */
  const remove = (folder: string) => `rmSync('${folder}/node_modules'); rmSync('${folder}/dist', { recursive: true });`;

  test('reads what the first calls are given at once, makes them in order, and closes after them', async () => {
    const folder = project({ installed: true });
    const { sandbox, token_session, env } = await served();
    const { stdout, stderr } = await run(
      folder,
      `${SETUP}
       const { RufusClient } = await entry('index');
       const client = new RufusClient({ logger, retry: false });
       const timestamp = new Date(0);
       let reads = 0;
       const counted = { ...read(9), get bib() { return reads++ === 0 ? 7 : '7'; } };
       const buffer = [{ ...read(4), timestamp }, Object.assign(Object.create({ inherited: 1 }), read(5))];
       const faulty = [{ ...read(6), bib: 7 }, counted, { ...read(8), lapp: 1 }];
       const device = { type: 'reader', model: 'R2', serial_number: '2' };
       const query = { first: 2, page: 1 };
       const calls = [
         client.passings.insert(SESSION, buffer),
         client.passings.insert(SESSION, faulty).catch((error) => error.message),
         client.devices.bind(device),
         client.devices.bind({ ...device, serial: '3' }).catch((error) => error.message),
         client.passings.listBySession(SESSION, query).then(({ items }) => items.length > 1),
       ];
       timestamp.setTime(Number.NaN);
       buffer.length = 0;
       for (const each of faulty) each.bib = '7';
       faulty.length = 1;
       device.serial_number = '';
       query.first = 'x';
       const closing = client.close();
       tell(await refused(client.devices.get(DEVICE)));
       const [inserted, unsent, bound, misspelt, listed] = await Promise.all(calls);
       tell(inserted.inserted_count, bound.deviceid.length > 0, listed);
       tell(unsent);
       tell(misspelt);
       await closing;`,
      env,
    );
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual([
      'RufusConfigError closed',
      '2 true true',
      'passings.insert: nothing was sent. passings[0].bib: expected text; passings[1].bib: expected text; passings[2].lapp: unknown field.',
      'devices.bind: nothing was sent. serial: unknown field: did you mean serial_number?.',
    ]);
    expect(sandbox.state.passings(token_session).map(({ timestamp }) => timestamp)[3]).toBe('1970-01-01T00:00:00.000Z');
  });

  test('loads nothing after its first call: neither for errors and retries nor for drift and what is refused', async () => {
    const folder = project({ installed: true });
    const { sandbox, env } = await served();
    sandbox.fault({ on: 'GET /sessions/{token_session}', times: 1, kind: 'status', status: 503 });
    const { stdout, stderr } = await run(
      folder,
      `${SETUP}
       const { RufusClient } = await entry('index');
       const client = new RufusClient({ logger, logLevel: 'debug', retry: { baseDelayMs: 1 } });
       await client.devices.get(DEVICE);
       ${remove(folder)}
       tell((await client.sessions.get(SESSION)).token_session === SESSION, lines.includes('retry'));
       tell(await refused(client.devices.get('nobody')));
       tell(await refused(client.passings.insert(SESSION, [{ ...read(4), bib: 7, lap: 1 }])));
       tell(await refused(client.devices.bind({ type: 'reader' })));
       tell(await refused(client.withOptions({ baseUrl: 'http://127.0.0.1:9/v0', retry: false }).devices.get(DEVICE)));
       tell(await refused(client.devices.get(DEVICE, { signal: AbortSignal.abort() })));
       const odd = { status: 200, headers: new Headers(), requestId: undefined, text: '', json: () => ({ result: { deviceid: 'D', model: 5 } }) };
       const drifting = client.withOptions({ middleware: [async () => odd] });
       lines.length = 0;
       tell((await drifting.devices.get('D')).model, lines.some((text) => text.startsWith('An answer differs')));
       tell(await refused(drifting.devices.get('D', { validation: 'strict' })));
       tell((await client.passings.insert(SESSION, [read(4)])).inserted_count);
       tell((await client.passings.listBySession(SESSION).toArray({ limit: 9 })).length);`,
      env,
    );
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual([
      'true true',
      'NotFoundError not_found',
      'RufusRequestValidationError invalid_request',
      'RufusRequestValidationError invalid_request',
      'RufusConnectionError connection',
      'RufusAbortError aborted',
      '5 true',
      'RufusResponseValidationError invalid_response',
      '1',
      '4',
    ]);
  });

  test('loads nothing after the first batch of follow, the first page, the first insertMany', async () => {
    const folder = project({ installed: true });
    const { env } = await served();
    const { stdout, stderr } = await run(
      folder,
      `${SETUP}
       const { RufusClient } = await entry('index');
       const client = new RufusClient({ logger });
       const pollMs = { min: 5, max: 20 };
       const follow = client.passings.follow(DEVICE, { pollMs })[Symbol.asyncIterator]();
       const numbers = async () => (await follow.next()).value.passings.map(({ num_passing }) => num_passing);
       tell(...await numbers());
       const page = await client.passings.listBySession(SESSION);
       tell((await client.passings.insertMany(SESSION, [4, 5].map(read), { batchSize: 1 })).inserted_count);
       tell(...await numbers());
       ${remove(folder)}
       tell(page.items.length, (await page.getNextPage()).items.length);
       tell((await client.passings.listBySession(SESSION).toArray({ limit: 9 })).length);
       tell((await client.passings.insertMany(SESSION, [7, 8].map(read), { batchSize: 1 })).inserted_count);
       tell(...await numbers());
       tell((await client.passings.insertMany(SESSION, [6].map(read))).inserted_count);
       tell(...await numbers());
       const all = client.passings.followAll([DEVICE], { pollMs })[Symbol.asyncIterator]();
       tell((await all.next()).value.passings.length);
       await all.return();
       await follow.return();`,
      env,
    );
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual(['1 2 3', '2', '4 5', '3 0', '5', '2', '7 8', '1', '6', '8']);
  });

  test('loads nothing after an outbox was opened, be its client of the other build, and opens none without it', async () => {
    const folder = project({ installed: true });
    const { env } = await served();
    const other = extension === 'js' ? 'cjs' : 'js';
    const opening = `${SETUP}
      const { RufusClient } = await ${other === 'js' ? 'import' : 'require'}('${folder}/dist/index.${other}');
      const { openOutbox } = await entry('outbox');
      const client = new RufusClient({ logger });
      const open = () => openOutbox({ client, directory: '${folder}/outbox', session: { token_session: SESSION } });`;
    const first = await run(folder, `${opening} await (await open()).close();`, env);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const executor = join(folder, 'dist', laterOf(folder, other).find((name) => name.startsWith('executor-'))!);
    renameSync(executor, `${executor}.away`);
    const broken = await run(folder, `${opening} tell(await refused(open()));`, env);
    expect(broken).toMatchObject({ stdout: 'RufusConfigError not_loaded\n', stderr: '' });
    renameSync(`${executor}.away`, executor);
    const { stdout, stderr } = await run(
      folder,
      `${opening}
       const outbox = await open();
       ${remove(folder)}
       tell(await refused(outbox.append({ bib: 7, timestamp: new Date() })));
       tell((await outbox.append({ bib: '7', timestamp: new Date() })).num_passing);
       await outbox.drained();
       tell(outbox.stats().delivered);
       await outbox.close();
       await client.close();`,
      env,
    );
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual(['RufusRequestValidationError invalid_request', '4', '1']);
  });
});
