import { access, constants, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { builtPackage } from './support/build.js';
import { PROJECT_FOLDER, runNode } from './support/child.js';

const built = builtPackage();

/** The modules that a built file loads, its own chunks followed, lazily loaded ones too. */
async function importsOf(file: string, seen = new Set<string>()): Promise<Set<string>> {
  const found = new Set<string>();
  if (seen.has(file)) return found;
  seen.add(file);
  const code = await readFile(join(built.folder, file), 'utf8');
  for (const { fileName } of ts.preProcessFile(code, true, true).importedFiles) {
    if (!fileName.startsWith('.')) found.add(fileName);
    else for (const deeper of await importsOf(join(dirname(file), fileName), seen)) found.add(deeper);
  }
  for (const [, name] of code.matchAll(/\bmodule\.require\(['"]([^'"]+)['"]\)/g)) found.add(name!);
  return found;
}

const thirdParty = async (file: string) =>
  [...(await importsOf(file))].filter((name) => !name.startsWith('node:')).sort();
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
            `import { RufusClient } from '${built.folder}/index.js'; import { Sandbox } from '${built.folder}/testing.js';${body}`,
          )
        : await run(
            '--input-type=commonjs',
            '--eval',
            `const { RufusClient } = require('${built.folder}/index.cjs'); const { Sandbox } = require('${built.folder}/testing.cjs');${body}`,
          );
    expect(ended).toEqual({ code: 0, stdout: '0\n', stderr: '' });
  });
});

test('errors of the ESM and the CJS build know each other', async () => {
  const ended = await run(
    '--input-type=module',
    '--eval',
    `import { createRequire } from 'node:module';
     import * as esm from '${built.folder}/index.js';
     const cjs = createRequire('${built.folder}/')('${built.folder}/index.cjs');
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
     import { Sandbox } from '${built.folder}/testing.js';
     import * as esm from '${built.folder}/index.js';
     import * as esmOutbox from '${built.folder}/outbox.js';
     const require = createRequire('${built.folder}/');
     const [cjs, cjsOutbox] = [require('${built.folder}/index.cjs'), require('${built.folder}/outbox.cjs')];
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

describe('rufus-sandbox', () => {
  test('is a command, in one format', async () => {
    const bin = join(built.folder, 'rufus-sandbox.js');
    expect((await readFile(bin, 'utf8')).split('\n')[0]).toBe('#!/usr/bin/env node');
    await access(bin, constants.X_OK);
    await expect(access(join(built.folder, 'rufus-sandbox.cjs'))).rejects.toThrow('ENOENT');
  });

  test('loads msw only once it is needed, so that it can tell how to install it', async () => {
    const bin = await readFile(join(built.folder, 'rufus-sandbox.js'), 'utf8');
    const eager = [...bin.matchAll(/\bfrom\s*['"](\.[^'"]+)['"]/g)].map(([, name]) => basename(name!));
    for (const chunk of eager) expect(await thirdParty(chunk)).toEqual([]);
    expect(await thirdParty('rufus-sandbox.js')).toContain('msw');
  });

  test('tells its version and its options', async () => {
    const manifest = JSON.parse(await readFile(join(PROJECT_FOLDER, 'package.json'), 'utf8'));
    expect(await run(join(built.folder, 'rufus-sandbox.js'), '--version')).toEqual({
      code: 0,
      stdout: `${manifest.version}\n`,
      stderr: '',
    });
    expect((await run(join(built.folder, 'rufus-sandbox.js'), '--help')).stdout).toContain('--port');
  });
});
