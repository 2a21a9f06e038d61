// Holds ARCHITECTURE.md against the source: its paths, its retry table, and the rules of its layers.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { type FailureKind, mayRepeat, type Repeat } from '../src/core/retry.js';
import { PROJECT_FOLDER } from './support/child.js';

const page = readFileSync(join(PROJECT_FOLDER, 'ARCHITECTURE.md'), 'utf8');

test('every path that the page names exists', () => {
  const paths = [...page.matchAll(/(?<![\w/.])(?:src|test|openapi)\/[\w./-]*\w/g)].map(([path]) => path);
  expect(paths.length).toBeGreaterThan(60);
  expect(paths.filter((path) => !existsSync(join(PROJECT_FOLDER, path)))).toEqual([]);
});

test('the retry table is the one in the source', () => {
  const [, table = ''] = /\n\| Failure \|.*\n\| ---.*\n((?:\|.*\n)+)/.exec(page) ?? [];
  const rows = table.trim().split('\n');
  const kinds: FailureKind[] = ['unsent', 'declined', 'broken', 'ambiguous', 'unreadable', 'mismatch', 'final'];
  const columns: Repeat[] = ['read', 'insert', 'repeatable', 'ending', 'once'];
  expect(
    rows.map((row) =>
      row
        .split('|')
        .slice(2, -1)
        .map((cell) => cell.trim()),
    ),
  ).toEqual(kinds.map((kind) => columns.map((repeat) => (mayRepeat(kind, repeat) ? 'repeat' : 'throw'))));
});

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
}

/** Every import of a file, in whatever form; `to` is a file below src, or a package. */
function importsOf(from: string): Import[] {
  const source = ts.createSourceFile(from, readFileSync(join(PROJECT_FOLDER, from), 'utf8'), ts.ScriptTarget.Latest);
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, isType: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    const { text } = specifier;
    const to = text.startsWith('.') ? normalize(join(dirname(from), text)).replace(/\.js$/, '.ts') : text;
    found.push({ from, to, isType });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const files = readdirSync(join(PROJECT_FOLDER, 'src'), { recursive: true, encoding: 'utf8' })
  .map((name) => `src/${name.replaceAll('\\', '/')}`)
  .filter((name) => name.endsWith('.ts') && !name.startsWith('src/board/page/'));
const imports = files.flatMap(importsOf);
const isIn = (path: string, part: string): boolean => path === part || path.startsWith(`${part}/`);

/** The rows of the page's table of layers. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/generated': [],
  'src/types': [],
  'src/types.ts': ['src/types'],
  'src/version.ts': [],
  'src/core': ['src/generated'],
  'src/live': ['src/core'],
  'src/resources': ['src/core', 'src/live'],
  'src/client.ts': ['src/core', 'src/resources', 'src/version.ts'],
  'src/index.ts': ['src/core', 'src/client.ts', 'src/version.ts', 'src/types.ts'],
  'src/outbox': ['src/core'],
  'src/fleet': ['src/core', 'src/live', 'src/client.ts'],
  'src/testing': ['src/core', 'src/version.ts'],
  'src/simulation': [],
  'src/board': ['src/simulation'],
  'src/schemas.ts': ['src/generated'],
  'src/cli': ['src/version.ts'],
};
/** Besides, what only the compiler sees. */
const MAY_IMPORT_TYPES: Readonly<Record<string, readonly string[]>> = {
  'src/types': ['src/core/errors.ts'],
  'src/outbox': ['src/client.ts'],
  'src/fleet': ['src/outbox/types.ts'],
};

describe('the layers', () => {
  test.each(Object.entries(MAY_IMPORT))('%s imports what is below it', (part, allowed) => {
    const wrong = imports.filter(({ from, to, isType }) => {
      if (!isIn(from, part) || !to.startsWith('src/')) return false;
      const below = [part, ...allowed, ...(isType ? ['src/types.ts', ...(MAY_IMPORT_TYPES[part] ?? [])] : [])];
      return !below.some((each) => isIn(to, each));
    });
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test('every file is in one of them', () => {
    expect(files.filter((file) => Object.keys(MAY_IMPORT).filter((part) => isIn(file, part)).length !== 1)).toEqual([]);
  });

  test('no file is part of a circle of imports', () => {
    const next = new Map(
      files.map((file) => [file, imports.filter(({ from, isType }) => from === file && !isType).map(({ to }) => to)]),
    );
    const done = new Set<string>();
    const circles: string[] = [];
    const walk = (file: string, way: readonly string[]): void => {
      const at = way.indexOf(file);
      if (at !== -1) circles.push([...way.slice(at), file].join(' -> '));
      if (at !== -1 || done.has(file)) return;
      for (const to of next.get(file) ?? []) walk(to, [...way, file]);
      done.add(file);
    };
    for (const file of files) walk(file, []);
    expect(circles).toEqual([]);
  });

  test.each([
    ['undici', ['src/core/connections.ts', 'src/core/wire']],
    ['zod', ['src/core/operations.ts', 'src/core/validation', 'src/generated']],
    ['msw', ['src/testing']],
  ])('%s is known to few', (name, parts) => {
    const knowing = imports.filter(({ to }) => to === name).map(({ from }) => from);
    expect(knowing.length).toBeGreaterThan(0);
    expect(knowing.filter((file) => !parts.some((part) => isIn(file, part)))).toEqual([]);
  });
});
