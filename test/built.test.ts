// What only the built package shows.
import { describe, expect, test } from 'vitest';
import { builtPackage } from './support/build.js';
import { PROJECT_FOLDER, runNode } from './support/child.js';

const built = builtPackage();

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
           for (const [name, value] of Object.entries(await load('${built.folder}/' + entry + '.${extension}'))) {
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
        `const { RufusClient } = await load('${built.folder}/index.${extension}');
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
});
