// What only the built package shows: its names, and what it says where something that it needs is missing or does not fit.
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { PROJECT_FOLDER, runNode } from './support/child.js';

const folder = inject('dist');

/** A program that loads entries of the package by `load(name)`, as `.js` or as `.cjs` does. */
const program = (extension: string, body: string) =>
  extension === 'js'
    ? ['--input-type=module', '--eval', `const load = (name) => import(name);\n${body}`]
    : ['--input-type=commonjs', '--eval', `const load = async (name) => require(name);\n(async () => {${body}})();`];

describe.each(['js', 'cjs'])('the build for .%s', (extension) => {
  test('has the names of the source', async () => {
    const ended = await runNode(
      program(
        extension,
        `const { inspect } = await load('node:util');
         const classes = [];
         for (const entry of ['index', 'outbox', 'testing', 'schemas']) {
           for (const [name, value] of Object.entries(await load('${folder}/' + entry + '.${extension}'))) {
             if (typeof value !== 'function' || !/^class\\b/.test(Function.prototype.toString.call(value))) continue;
             const facts = { status: 400, body: {}, headers: new Headers(), issues: [], timeoutMs: 1, usedBytes: 1, pendingBytes: 1 };
             const shown = name.endsWith('Error') ? new value('what happened', facts, facts) : undefined;
             classes.push({
               name,
               names: [value.name, ...(shown ? [shown.name, shown.constructor.name, JSON.parse(JSON.stringify(shown)).name] : [])],
               texts: shown ? [shown.stack, inspect(shown), inspect(shown, { showHidden: true })] : [],
             });
           }
         }
         console.log(JSON.stringify(classes));`,
      ),
      { cwd: PROJECT_FOLDER },
    );
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const classes: { name: string; names: string[]; texts: string[] }[] = JSON.parse(ended.stdout);
    expect(classes.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['RufusClient', 'RufusError', 'ServerError', 'Outbox', 'StorageError', 'Sandbox']),
    );
    for (const { name, names, texts } of classes) {
      expect(new Set(names)).toEqual(new Set([name]));
      for (const text of texts) {
        expect(text).toMatch(new RegExp(`^${name}: what happened\n`));
        expect(text).not.toMatch(/\b_[A-Z]\w*Error\b/);
      }
    }
  });

  test('names what is thrown, and the client', async () => {
    const ended = await runNode(
      program(
        extension,
        `const { RufusClient } = await load('${folder}/index.${extension}');
         const client = new RufusClient({ apiKey: 'k', baseUrl: 'http://127.0.0.1:1/v0', retry: false });
         console.log(client.constructor.name, client.withOptions({}).constructor.name);
         await client.devices.get('D').catch((error) => console.log(error.constructor.name, error));`,
      ),
      { cwd: PROJECT_FOLDER },
    );
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^RufusClient RufusClient\nRufusConnectionError RufusConnectionError: devices\.get/);
    expect(ended.stdout).not.toMatch(/\b_[A-Z]/);
  });

  test.each([
    ['newer than this one', '>=99.1.2', false],
    ['of one patch more', `>=${nextPatch()}`, false],
    ['this one', `>=${process.versions.node}`, true],
    ['older', '>=4.99.99', true],
    ['in other words', '^4 || 99', true],
  ])('says so before undici is loaded, where it needs a Node that is %s', async (_, node, fits) => {
    const project = await projectWith({
      'package.json': JSON.stringify({ name: 'undici', version: '8.99.0', main: 'index.js', engines: { node } }),
      // As the real one ends, where Node is too old for it.
      'index.js': `${fits ? '' : 'undefined.bind();'}${EXPORTS.map((name) => `module.exports.${name} = class {};`).join('')}`,
    });
    const body = `load('rufus-client').then(() => console.log('loaded'), (error) => console.log(error.name, error.code, error.message));`;
    const ended = await runNode(program(extension, body), { cwd: project });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    if (fits) return expect(ended.stdout).toBe('loaded\n');
    expect(ended.stdout).toBe(
      `RufusConfigError config undici 8.99.0 needs Node ${node.slice(2)} or later, and this is Node ${process.versions.node}. ` +
        'Install undici 7 (npm install undici@7), or a newer Node. A lock file made on a newer Node, or `overrides`, may have brought it.\n',
    );
  });

  test('says how to install msw, where the sandbox is wanted and it is not there', async () => {
    const project = await projectWith({});
    const body = `load('rufus-client/testing').catch((error) => console.log(error.name, error.code, error.message, String(error.cause)));`;
    const ended = await runNode(program(extension, body), { cwd: project });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(
      /^RufusConfigError config The sandbox needs msw, which is not installed\. Install it beside rufus-client: npm install -D msw Error.*: Cannot find (package|module) 'msw'/,
    );
  });
});

/** What is imported of undici. */
const EXPORTS = ['Agent', 'Client', 'Pool', 'buildConnector'];

function nextPatch(): string {
  return process.versions.node.replace(/\d+$/, (patch) => String(Number(patch) + 1));
}

/** Where the package is installed with zod, with an undici of these files, and without msw. */
async function projectWith(undici: Readonly<Record<string, string>>): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), 'rufus-project-'));
  onTestFinished(() => rm(project, { recursive: true, force: true }));
  const modules = join(project, 'node_modules');
  await mkdir(join(modules, 'undici'), { recursive: true });
  await cp(folder, join(modules, 'rufus-client/dist'), { recursive: true });
  await cp(join(PROJECT_FOLDER, 'package.json'), join(modules, 'rufus-client/package.json'));
  await symlink(join(PROJECT_FOLDER, 'node_modules/zod'), join(modules, 'zod'), 'junction');
  for (const [name, text] of Object.entries(undici)) await writeFile(join(modules, 'undici', name), text);
  return project;
}
