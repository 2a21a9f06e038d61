import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { PROJECT_FOLDER } from '../support/child.js';

const CLI = join(PROJECT_FOLDER, 'src/cli');
const files = readdirSync(CLI, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

test('the command is written against the public entries only', () => {
  const others = files.flatMap((file) => {
    const path = join(CLI, file);
    const { importedFiles } = ts.preProcessFile(readFileSync(path, 'utf8'), true, true);
    return importedFiles
      .map(({ fileName }) => fileName)
      .filter((name) => name.startsWith('.') && relative(CLI, join(dirname(path), name)).startsWith('..'))
      .map((name) => `${file}: ${name}`);
  });
  // The version is a constant, which must not cost an import of the whole library.
  expect(others.filter((each) => !each.endsWith('/version.js'))).toEqual([]);
  expect(files.length).toBeGreaterThan(10);
});
