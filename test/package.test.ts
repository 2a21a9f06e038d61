import { execFile } from 'node:child_process';
import { access, constants, mkdtemp, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROJECT_FOLDER, runNode } from './support/child.js';

// Built into a folder of its own: in the project, so that dependencies resolve, and not in dist, which others may be reading.
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(PROJECT_FOLDER, 'dist-test-'));
  const tsup = join(PROJECT_FOLDER, 'node_modules/tsup/dist/cli-default.js');
  const args = [tsup, '--no-dts', '--silent', '--out-dir', folder];
  await promisify(execFile)(process.execPath, args, { cwd: PROJECT_FOLDER });
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

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

describe('rufus-sandbox', () => {
  test('is a command, in one format', async () => {
    const bin = join(folder, 'rufus-sandbox.js');
    expect((await readFile(bin, 'utf8')).split('\n')[0]).toBe('#!/usr/bin/env node');
    await access(bin, constants.X_OK);
    await expect(access(join(folder, 'rufus-sandbox.cjs'))).rejects.toThrow('ENOENT');
  });

  test('loads msw only once it is needed, so that it can tell how to install it', async () => {
    const bin = await readFile(join(folder, 'rufus-sandbox.js'), 'utf8');
    const eager = [...bin.matchAll(/\bfrom\s*['"](\.[^'"]+)['"]/g)].map(([, name]) => basename(name!));
    for (const chunk of eager) expect(await thirdParty(chunk)).toEqual([]);
    expect(await thirdParty('rufus-sandbox.js')).toContain('msw');
  });

  test('tells its version and its options', async () => {
    const manifest = JSON.parse(await readFile(join(PROJECT_FOLDER, 'package.json'), 'utf8'));
    expect(await run(join(folder, 'rufus-sandbox.js'), '--version')).toEqual({
      code: 0,
      stdout: `${manifest.version}\n`,
      stderr: '',
    });
    expect((await run(join(folder, 'rufus-sandbox.js'), '--help')).stdout).toContain('--port');
  });
});
