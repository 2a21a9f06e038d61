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

/** Whose fields are undici's, not ours. */
const BORROWED = ['DispatcherLike'];

/** The fields of objects that options and arguments are made of: `pollMs.min`. Not of what is given back, or told. */
function* nestedFields(node: ts.Node): Generator<ts.PropertySignature> {
  if (ts.isFunctionTypeNode(node) || ts.isTupleTypeNode(node) || ts.isConstructorDeclaration(node)) return;
  if (ts.isPropertySignature(node) && ts.isTypeLiteralNode(node.parent)) yield node;
  const givenBack = 'parameters' in node && 'type' in node ? node.type : undefined;
  const below: ts.Node[] = [];
  ts.forEachChild(node, (child) => {
    if (child !== givenBack && !ts.isBlock(child)) below.push(child);
  });
  for (const child of below) yield* nestedFields(child);
}

/** It says what it is; an optional number also its default, and, by its name, its unit. */
function isTold(field: ts.PropertySignature): boolean {
  const symbol = checker.getSymbolAtLocation(field.name)!;
  const text = ts.displayPartsToString(symbol.getDocumentationComment(checker));
  if (text === '' || field.questionToken === undefined || !/^number\b/.test(field.type?.getText() ?? ''))
    return text !== '';
  const unit = /Ms$/.test(symbol.name) ? /milliseconds/i : /Bytes$/.test(symbol.name) ? /bytes/i : /./;
  return /default/i.test(text) && unit.test(text);
}

function undocumentedFields(symbol: ts.Symbol): string[] {
  if (BORROWED.includes(symbol.name)) return [];
  return (symbol.declarations ?? [])
    .filter((declaration) => relative(PROJECT_FOLDER, declaration.getSourceFile().fileName).startsWith('src'))
    .flatMap((declaration) => [...nestedFields(declaration)])
    .filter((field) => !isTold(field))
    .map((field) => {
      const owner = ts.findAncestor(field, (node) => ts.isTypeElement(node) && node !== field) ?? field.parent;
      const name = owner === field.parent ? '' : `.${(owner as ts.TypeElement).name?.getText()}`;
      return `${symbol.name}${name}.${field.name.getText()}`;
    });
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
    for (const field of undocumentedFields(exported)) missing.add(field);
  }
  return [...missing];
}

test.each(entries)(
  'every name that %s exports says what it is, and so does every member and nested option',
  (entry) => {
    expect(undocumented(entry)).toEqual([]);
  },
);
