import { access, constants, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { PROJECT_FOLDER, runNode } from './support/child.js';

const folder = inject('dist');

/** The modules that a built file loads, its own chunks followed, lazily loaded ones too. */
async function importsOf(file: string, seen = new Set<string>()): Promise<Set<string>> {
  const found = new Set<string>();
  if (seen.has(file)) return found;
  seen.add(file);
  const code = await readFile(join(folder, file), 'utf8');
  for (const { fileName } of ts.preProcessFile(code, true, true).importedFiles) {
    if (!fileName.startsWith('.')) found.add(fileName);
    else for (const deeper of await importsOf(join(dirname(file), fileName), seen)) found.add(deeper);
  }
  for (const [, name] of code.matchAll(/\bmodule\.require\(['"]([^'"]+)['"]\)/g)) found.add(name!);
  return found;
}

/** `undici/index.js` is undici, and `@nats-io/kv` itself. */
const packageOf = (name: string) => /^(@[^/]+\/)?[^/]+/.exec(name)![0];
const thirdParty = async (file: string) =>
  [...(await importsOf(file))]
    .map(packageOf)
    .filter((name) => !name.startsWith('node:'))
    .sort();
const run = (...args: string[]) => runNode(args, { cwd: PROJECT_FOLDER });

describe.each(['js', 'cjs'])('the build for .%s', (extension) => {
  test('loads undici and zod, in the sandbox msw and in the fleet NATS, beside what Node has', async () => {
    expect(await thirdParty(`index.${extension}`)).toEqual(['undici', 'zod']);
    expect(await thirdParty(`schemas.${extension}`)).toEqual(['zod']);
    expect(['undici', 'zod']).toEqual(expect.arrayContaining(await thirdParty(`outbox.${extension}`)));
    expect(await thirdParty(`testing.${extension}`)).toEqual(['msw']);
    expect(await thirdParty(`fleet.${extension}`)).toEqual([
      '@nats-io/jetstream',
      '@nats-io/kv',
      '@nats-io/transport-node',
      'undici',
      'zod',
    ]);
    // The demo's msw is found at run time, so that no bundler looks for it.
    expect(await thirdParty(`board.${extension}`)).toEqual(['undici', 'zod']);
  });

  test('has the board and its page in it', async () => {
    const load = extension === 'js' ? `await import('${folder}/board.js')` : `require('${folder}/board.cjs')`;
    const main = extension === 'js' ? `await import('${folder}/index.js')` : `require('${folder}/index.cjs')`;
    const ended = await run(
      `--input-type=${extension === 'js' ? 'module' : 'commonjs'}`,
      '--eval',
      `(async () => {
        const { serveBoard } = ${load};
        const { RufusClient } = ${main};
        const client = new RufusClient({ apiKey: 'ror-0123456789abcdef0123', baseUrl: 'http://127.0.0.1:9/v0', logLevel: 'off' });
        const board = await serveBoard({ client, devices: 'all', listen: { port: 0 } });
        const page = await (await fetch(board.url)).text();
        const state = await (await fetch(board.url + '/api/state')).json();
        await board.close();
        console.log(page.includes('data-field'), page.includes('/* script */'), state.link.state);
      })()`,
    );
    expect(ended).toEqual({ code: 0, stdout: 'true false outage\n', stderr: '' });
  });

  test('lets a process end by itself after a call to the sandbox', async () => {
    const body = `
      const sandbox = new Sandbox();
      const client = new RufusClient({ apiKey: sandbox.keys.readWrite, dispatcher: sandbox.dispatcher });
      client.devices.list().then((page) => console.log(page.items.length));`;
    const ended =
      extension === 'js'
        ? await run(
            '--input-type=module',
            '--eval',
            `import { RufusClient } from '${folder}/index.js'; import { Sandbox } from '${folder}/testing.js';${body}`,
          )
        : await run(
            '--input-type=commonjs',
            '--eval',
            `const { RufusClient } = require('${folder}/index.cjs'); const { Sandbox } = require('${folder}/testing.cjs');${body}`,
          );
    expect(ended).toEqual({ code: 0, stdout: '0\n', stderr: '' });
  });
});

test('errors of the ESM and the CJS build know each other', async () => {
  const ended = await run(
    '--input-type=module',
    '--eval',
    `import { createRequire } from 'node:module';
     import * as esm from '${folder}/index.js';
     const cjs = createRequire('${folder}/')('${folder}/index.cjs');
     const thrownBy = ({ RufusClient }) => { try { new RufusClient({ apiKey: '' }); } catch (error) { return error; } };
     const [a, b] = [thrownBy(esm), thrownBy(cjs)];
     console.log(JSON.stringify({
       twoCopies: esm.RufusConfigError !== cjs.RufusConfigError,
       across: [a instanceof cjs.RufusConfigError, b instanceof esm.RufusConfigError, a instanceof cjs.RufusError],
       others: [a instanceof cjs.NotFoundError, b instanceof esm.RufusAPIError],
     }));`,
  );
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(ended.stdout)).toEqual({ twoCopies: true, across: [true, true, true], others: [false, false] });
});

test('an outbox of either build speaks through the logger of a client of either', async () => {
  const ended = await run(
    '--input-type=module',
    '--eval',
    `import { mkdtemp, rm } from 'node:fs/promises';
     import { createRequire } from 'node:module';
     import { tmpdir } from 'node:os';
     import { Sandbox } from '${folder}/testing.js';
     import * as esm from '${folder}/index.js';
     import * as esmOutbox from '${folder}/outbox.js';
     const require = createRequire('${folder}/');
     const [cjs, cjsOutbox] = [require('${folder}/index.cjs'), require('${folder}/outbox.cjs')];
     const sandbox = new Sandbox();
     const admin = new esm.RufusClient({ apiKey: sandbox.keys.admin, dispatcher: sandbox.dispatcher });
     const { deviceid } = await admin.devices.bind({ type: 'reader', model: 'R1', serial_number: '1' });
     await admin.sessions.create({ deviceid });
     const told = [];
     for (const { RufusClient } of [esm, cjs]) {
       for (const { openOutbox } of [esmOutbox, cjsOutbox]) {
         const lines = [];
         const line = (message) => lines.push(message);
         const logger = { error: line, warn: line, info: line, debug: line };
         const client = new RufusClient({ apiKey: sandbox.keys.read, dispatcher: sandbox.dispatcher, logger });
         const directory = await mkdtemp(tmpdir() + '/outbox-');
         const outbox = await openOutbox({ client, directory, probeMs: 5, session: { deviceid, open: 'active-or-new' } });
         await outbox.append({ timestamp: new Date(), bib: '1' });
         await outbox.close({ drainMs: 100 });
         await rm(directory, { recursive: true });
         told.push(lines.map((text) => /^outbox: .* 403/.test(text)));
       }
     }
     console.log(JSON.stringify(told));`,
  );
  expect(ended).toEqual({ code: 0, stdout: '[[true],[true],[true],[true]]\n', stderr: '' });
});

describe.each(['rufus', 'rufus-sandbox'])('%s', (name) => {
  test('is a command, in one format', async () => {
    const bin = join(folder, `${name}.js`);
    expect((await readFile(bin, 'utf8')).split('\n')[0]).toBe('#!/usr/bin/env node');
    if (process.platform !== 'win32') await access(bin, constants.X_OK);
    await expect(access(join(folder, `${name}.cjs`))).rejects.toThrow('ENOENT');
    const { bin: bins } = JSON.parse(await readFile(join(PROJECT_FOLDER, 'package.json'), 'utf8'));
    expect(bins[name]).toBe(`./dist/${name}.js`);
  });

  test('brings its helpers along, and takes the library that lies beside it', async () => {
    // Of the optional peers, those that one of the entries takes.
    const peers = ['@nats-io/jetstream', '@nats-io/kv', '@nats-io/transport-node', 'msw'];
    expect(await thirdParty(`${name}.js`)).toEqual([...peers, 'undici', 'zod']);
  });

  test('needs none of them to help', async () => {
    const alone = await mkdtemp(join(tmpdir(), 'rufus-alone-'));
    onTestFinished(() => rm(alone, { recursive: true }));
    await cp(folder, alone, { recursive: true });
    await writeFile(join(alone, 'package.json'), '{ "type": "module" }');
    const help = await run(join(alone, `${name}.js`), '--help');
    expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining(`Usage: ${name}`) });
    if (name !== 'rufus') return;
    const broken = await runNode([join(alone, 'rufus.js'), 'devices', 'list'], {
      cwd: PROJECT_FOLDER,
      env: { RUFUS_API_KEY: 'ror-0123456789abcdef0123', RUFUS_BASE_URL: 'http://127.0.0.1:9/v0' },
    });
    expect(broken).toMatchObject({ code: 1, stdout: '' });
    expect(broken.stderr).toMatch(/^rufus: A part of rufus-client .*cannot be loaded: .*'(undici|zod)'.* again.*\n$/);
  });
});

test('the licenses of what is bundled come along', async () => {
  const licenses = await readFile(join(folder, 'bundled-licenses.txt'), 'utf8');
  for (const name of ['commander', 'csv-parse', 'fast-string-truncated-width', 'temporal-polyfill']) {
    expect(licenses).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(MIT\\)$`, 'm'));
  }
});

test('the commands have no source maps, which would make them twice as large; the library has', async () => {
  const files = await readdir(folder);
  const isCommand = (file: string) => file.startsWith('rufus');
  expect(files.filter((file) => isCommand(file) && file.endsWith('.map'))).toEqual([]);
  for (const file of files.filter((each) => /\.c?js$/.test(each))) {
    expect((await readFile(join(folder, file), 'utf8')).includes('sourceMappingURL')).toBe(!isCommand(file));
  }
});
