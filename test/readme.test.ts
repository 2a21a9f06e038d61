import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import * as client from 'rufus-client';
import * as outbox from 'rufus-client/outbox';
import { Sandbox } from 'rufus-client/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { CHOICES, NUMBERS } from '../src/testing/settings.js';
import { PROJECT_FOLDER } from './support/child.js';
import { type Snippet, snippetsOf, typeErrors } from './support/snippets.js';

const GUIDES = readdirSync(join(PROJECT_FOLDER, 'docs'))
  .filter((file) => file.endsWith('.md'))
  .map((file) => `docs/${file}`);
const DOCUMENTS = ['README.md', 'llms.txt', ...GUIDES];
const text = (document: string) => readFileSync(join(PROJECT_FOLDER, document), 'utf8');

let folder: string;
beforeAll(async () => {
  // In the project, where the snippets find their imports.
  folder = await mkdtemp(join(PROJECT_FOLDER, 'test/snippets-'));
});
afterAll(() => rm(folder, { recursive: true }));

beforeEach(() => {
  // As where somebody tries the sandbox: what a snippet does not take from there must not depend on it.
  vi.stubEnv('RUFUS_API_KEY', 'ror-00000000000000000000');
  vi.stubEnv('RUFUS_BASE_URL', 'http://127.0.0.1:9/v0');
  for (const method of ['log', 'error', 'warn'] as const) vi.spyOn(console, method).mockImplementation(() => {});
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** Runs it as a module of its own, in a fresh world. */
async function run({ title, extension, code, needsEnv }: Snippet): Promise<void> {
  if (needsEnv) {
    const sandbox = new Sandbox();
    const server = await sandbox.listen();
    onTestFinished(() => server.close());
    vi.stubEnv('RUFUS_API_KEY', sandbox.keys.readWrite);
    vi.stubEnv('RUFUS_BASE_URL', server.url);
  }
  const file = join(folder, `${title.replace(/\W/g, '-')}.${extension}`);
  await writeFile(file, code);
  vi.resetModules();
  await import(file);
}

it('has snippets', () => {
  expect(snippetsOf('README.md').length).toBeGreaterThan(10);
});

it('type-checks every snippet', { timeout: 120_000 }, () => {
  expect(typeErrors(DOCUMENTS.flatMap(snippetsOf))).toEqual([]);
});

describe.each(DOCUMENTS.filter((document) => snippetsOf(document).some(({ runs }) => runs)))('%s', (document) => {
  it.each(snippetsOf(document).filter(({ runs }) => runs))('$title runs', async (snippet) => {
    const log = vi.spyOn(console, 'log');
    await run(snippet);
    const printed = log.mock.calls.map((values) => values.join(' '));
    for (const expected of plainOutputOf(snippet)) expect(printed).toContain(expected);
  });
});

it('no snippet, and no example of a hover, has what plain JavaScript on Node 20 and 22 does not know', () => {
  const src = join(PROJECT_FOLDER, 'src');
  const sources = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const hovers = sources.flatMap(
    (file) => readFileSync(join(src, file), 'utf8').match(/^ *\* .*\bawait using \w+ =.*$/gm) ?? [],
  );
  expect(hovers).toEqual([]);
  const snippets = DOCUMENTS.flatMap(snippetsOf).filter(({ code }) => code.includes('await using'));
  expect(snippets.map(({ title }) => title)).toEqual([]);
});

it('no document fetches a stranger by `npx rufus-sandbox`, where the package is not installed', () => {
  for (const document of [...DOCUMENTS, 'CHANGELOG.md', 'CONTRIBUTING.md']) {
    expect(text(document), document).not.toMatch(/npx rufus-sandbox/);
  }
});

describe('errors', () => {
  /** Each row of a table of classes: the class, and its codes. */
  const rowsOf = (document: string) =>
    [...text(document).matchAll(/^\| `(\w+Error)` \| ((?:`\w+`(?:, )?)+) \|/gm)].map(([, name, codes]) => [
      name!,
      codes!.replaceAll('`', '').split(', '),
    ]);
  const error = { status: 400, issues: [], timeoutMs: 1, usedBytes: 0, freeBytes: 0, pendingBytes: 0 };
  const classesOf = (module: object) =>
    Object.entries(module).filter(([name, value]) => name.endsWith('Error') && typeof value === 'function');

  it('of the outbox stand in the guide with their codes', () => {
    const made = classesOf(outbox).map(([name, errorClass]) => [name, [new errorClass('', error).code]]);
    expect(Object.fromEntries(rowsOf('docs/4-outbox.md'))).toEqual(Object.fromEntries(made));
  });

  it('of the client stand in the README', () => {
    const listed = rowsOf('README.md').map(([name]) => name);
    const classes = classesOf(client).map(([name]) => name);
    expect(listed.sort()).toEqual(classes.filter((name) => name !== 'RufusError').sort());
  });
});

it.each(['README.md', 'docs/6-testing-your-integration.md'])(
  '%s has every option of the sandbox, with its default',
  (document) => {
    const defaults = [
      ...Object.entries(CHOICES).map(([option, [first]]) => [
        option,
        typeof first === 'string' ? `'${first}'` : `${first}`,
      ]),
      ...Object.entries(NUMBERS).map(([option, { value }]) => [
        option,
        value.toLocaleString('en').replaceAll(',', '_'),
      ]),
    ];
    const rows = [...text(document).matchAll(/^\| `(\w+)` (?:\| `--([\w-]+)` )?\| `([^`]+)` \|/gm)];
    for (const [option, value] of defaults) {
      const row = rows.find(([, name]) => name === option);
      expect([option, row?.[3]]).toEqual([option, value]);
      if (row?.[2] !== undefined)
        expect(row[2].replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())).toBe(option);
    }
  },
);

it.skipIf(process.platform === 'win32')('the commands of the outbox guide find what a folder holds', async () => {
  const directory = join(folder, 'outbox');
  const sandbox = new Sandbox();
  const api = new client.RufusClient({ apiKey: sandbox.keys.readWrite, dispatcher: sandbox.dispatcher });
  const device = { type: 'reader', model: 'R1', serial_number: '1' };
  const box = await outbox.openOutbox({ client: api, directory, session: { device, open: 'active-or-new' } });
  for (const bib of ['1024', '7']) await box.append({ timestamp: new Date(), bib });
  await box.drained();
  await api.sessions.close(box.token_session);
  await box.append({ timestamp: new Date(), bib: '8' });
  await box.drained();
  await box.close();

  const commands = [...text('docs/4-outbox.md').matchAll(/^grep .*$/gm)].map(([command]) => command);
  const printed = commands.map(
    (command) => spawnSync('sh', ['-c', command], { cwd: directory, encoding: 'utf8' }).stdout,
  );
  const [all, one, parked, counts] = printed.map((lines) => lines.trim().split('\n'));
  expect(all!.map((line) => JSON.parse(line).passing.bib)).toEqual(['1024', '7', '8']);
  expect(one).toEqual([expect.stringContaining('"bib":"1024"')]);
  expect(parked!.map((line) => JSON.parse(line))).toMatchObject([{ reason: 'session-closed', passing: { bib: '8' } }]);
  expect(counts).toEqual([expect.stringMatching(/\d\.log:3$/)]);
});

/** What the snippet says that it prints, where that is a number or a truth: `console.log(a, b); // 2 0`. */
const plainOutputOf = ({ code }: Snippet) =>
  [...code.matchAll(/console\.log\(.*\);? \/\/ ((?:\d+|true|false)(?: \d+)*)$/gm)].map(([, output]) => output!);

describe('links', () => {
  const linksOf = (document: string) =>
    [...text(document).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !/^https:/.test(target));
  const anchorsOf = (document: string) =>
    [...text(document).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    );

  it.each(DOCUMENTS)('of %s lead to what is there', (document) => {
    const broken = linksOf(document).filter((link) => {
      const [file, anchor] = link.split('#') as [string, string?];
      const target = file === '' ? document : join(dirname(document), file);
      if (!existsSync(join(PROJECT_FOLDER, target))) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('of what is packed lead to what is packed', () => {
    const { files }: { files: string[] } = JSON.parse(text('package.json'));
    // These npm always takes along.
    const packed = ['README.md', 'LICENSE', ...files];
    const isPacked = (file: string) => packed.some((each) => file === each || file.startsWith(`${each}/`));
    const astray = [...DOCUMENTS, 'CHANGELOG.md'].filter(isPacked).flatMap((document) =>
      linksOf(document)
        .map((link) => link.split('#')[0]!)
        .filter((link) => link !== '' && !isPacked(posix.join(posix.dirname(document), link)))
        .map((link) => `${document}: ${link}`),
    );
    expect(astray).toEqual([]);
  });

  it('lead to every guide', () => {
    const listed = linksOf('docs/README.md').map((link) => join('docs', link));
    expect(GUIDES.filter((guide) => guide !== 'docs/README.md' && !listed.includes(guide))).toEqual([]);
    expect(linksOf('README.md')).toContain('docs/README.md');
  });
});

describe('README.md', () => {
  it('begins with ten lines of code', () => {
    const code = snippetsOf('README.md')[0]!.code.replace('export {};', '');
    expect(code.split('\n').filter((line) => line.trim() !== '')).toHaveLength(10);
  });

  it('prints what its comments say', async () => {
    const log = vi.spyOn(console, 'log');
    const printed = async (marker: string) => {
      log.mockClear();
      await run(snippetsOf('README.md').find(({ code }) => code.includes(marker))!);
      return log.mock.calls.at(-1)![0];
    };
    expect(await printed('battery_percentage')).toBe(7);
    expect(await printed('MockAgent')).toBe('Finish');
    expect(await printed('safeParse')).toEqual(['bib']);
    expect(await printed('insertMany')).toEqual({ inserted_count: 2000, duplicate_count: 0, sent: 2000, requests: 4 });
    expect(await printed("logLevel: 'debug'")).toEqual([
      expect.stringMatching(
        /^attempt \{"operation":"events\.list","method":"GET","path":"\/events","attempt":1,"status":200,/,
      ),
    ]);
    expect(await printed('tracingChannel')).toEqual(
      expect.objectContaining({ operation: 'events.list', method: 'GET', path: '/events', attempts: 1, status: 200 }),
    );
  });
});
