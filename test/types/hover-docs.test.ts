import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { PROJECT_FOLDER } from '../support/child.js';

const { config } = ts.readConfigFile(join(PROJECT_FOLDER, 'tsconfig.json'), (file) => readFileSync(file, 'utf8'));
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, PROJECT_FOLDER);
const entries = Object.values<[string]>(config.compilerOptions.paths).map(([file]) => join(PROJECT_FOLDER, file));
const program = ts.createProgram(entries, options);
const checker = program.getTypeChecker();

const resolved = (symbol: ts.Symbol) =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;

/** Where a name is declared, from the project's folder; undefined for what is not ours, or nobody can see. */
function placeOf(symbol: ts.Symbol): string | undefined {
  const declaration = symbol.declarations?.[0];
  if (declaration === undefined || symbol.name.startsWith('__')) return;
  if (ts.isClassElement(declaration) && declaration.name && ts.isPrivateIdentifier(declaration.name)) return;
  const file = relative(PROJECT_FOLDER, declaration.getSourceFile().fileName);
  return file.startsWith('src/') ? file : undefined;
}

/** What a name has below it: the members of an interface or a class, and the fields of objects within. */
function membersOf(symbol: ts.Symbol): ts.Symbol[] {
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  const branches = type.isUnion() ? type.types : [type];
  return branches.flatMap((branch) => checker.getPropertiesOfType(branch));
}

function undocumented(entry: string): string[] {
  const module = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!;
  const missing = new Set<string>();
  for (const exported of checker.getExportsOfModule(module).map(resolved)) {
    for (const symbol of [exported, ...membersOf(exported)]) {
      const place = placeOf(symbol);
      if (place === undefined || symbol.getDocumentationComment(checker).length > 0) continue;
      const owner = symbol.declarations?.[0]?.parent;
      const prefix =
        owner && (ts.isInterfaceDeclaration(owner) || ts.isClassDeclaration(owner)) ? `${owner.name?.text}.` : '';
      missing.add(`${place}: ${prefix}${symbol.name}`);
    }
  }
  return [...missing];
}

test.each(entries)('every name that %s exports says what it is, and so does every member', (entry) => {
  expect(undocumented(entry)).toEqual([]);
});
