// The public surface of each entry, in api/, from the built declarations: npm run api
// With --check: fails where the committed report differs, so that no change of the surface goes unseen.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';

const REPORTS = 'api';
/** What an entry exports is not told again for those behind it. */
const ENTRIES = ['index', 'outbox', 'fleet', 'testing', 'schemas', 'board'];
const DIST = resolve('dist');

const program = ts.createProgram(
  ENTRIES.map((entry) => join(DIST, `${entry}.d.ts`)),
  { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, types: ['node'] },
);
const checker = program.getTypeChecker();
const printer = ts.createPrinter({ removeComments: true });

const resolved = (symbol: ts.Symbol): ts.Symbol =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;

/** The statements that declare a name of ours; none for what comes from elsewhere. */
function statementsOf(symbol: ts.Symbol): ts.Node[] {
  const declarations = (symbol.declarations ?? []).filter((node) => {
    const isTopLevel = !ts.isSourceFile(node) && (ts.isSourceFile(node.parent) || ts.isVariableDeclaration(node));
    return isTopLevel && resolve(node.getSourceFile().fileName).startsWith(DIST);
  });
  return declarations.map((node) => (ts.isVariableDeclaration(node) ? node.parent.parent : node));
}

/** The names of ours that a declaration speaks of. */
function mentionedIn(node: ts.Node, found = new Set<ts.Symbol>()): Set<ts.Symbol> {
  if (ts.isIdentifier(node)) {
    const symbol = checker.getSymbolAtLocation(node);
    if (symbol !== undefined && statementsOf(resolved(symbol)).length > 0) found.add(resolved(symbol));
  }
  ts.forEachChild(node, (child) => void mentionedIn(child, found));
  return found;
}

const byName = (a: ts.Symbol, b: ts.Symbol) => (a.name < b.name ? -1 : 1);
const textOf = (symbol: ts.Symbol) =>
  statementsOf(symbol).map((node) => printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile()));

function exportsOf(entry: string): ts.Symbol[] {
  const file = program.getSourceFile(join(DIST, `${entry}.d.ts`));
  const module = file && checker.getSymbolAtLocation(file);
  if (module === undefined) throw new Error(`dist/${entry}.d.ts is missing: run \`npm run build\` first.`);
  return checker.getExportsOfModule(module).map(resolved).sort(byName);
}

function reportOn(entry: string, told: ReadonlyMap<ts.Symbol, string>): string {
  const exported = exportsOf(entry);
  const hidden = new Set<ts.Symbol>();
  const borrowed = new Set<ts.Symbol>();
  const visit = (symbol: ts.Symbol): void => {
    for (const mentioned of statementsOf(symbol).flatMap((node) => [...mentionedIn(node)])) {
      if (exported.includes(mentioned) || hidden.has(mentioned)) continue;
      if (told.has(mentioned)) {
        borrowed.add(mentioned);
        continue;
      }
      hidden.add(mentioned);
      visit(mentioned);
    }
  };
  exported.forEach(visit);

  const importing = [...new Set(told.values())].flatMap((from) => {
    const names = [...borrowed].filter((symbol) => told.get(symbol) === from).sort(byName);
    return names.length === 0 ? [] : [`import type { ${names.map(({ name }) => name).join(', ')} } from '${from}';`];
  });
  const sections = [
    '// Made by `npm run api` from the built declarations. A change here is a change of the public surface.',
    ...(importing.length > 0 ? [importing.join('\n')] : []),
    ...exported.flatMap(textOf).map((text) => `export ${text}`),
    ...(hidden.size > 0 ? ['// Spoken of, but not exported:'] : []),
    ...[...hidden].sort(byName).flatMap(textOf),
  ];
  return `${sections.join('\n\n')}\n`;
}

const told = new Map<ts.Symbol, string>();
const reports = ENTRIES.map((entry) => {
  const text = reportOn(entry, new Map(told));
  const name = entry === 'index' ? 'rufus-client' : `rufus-client/${entry}`;
  for (const symbol of exportsOf(entry)) if (!told.has(symbol)) told.set(symbol, name);
  return { file: `${REPORTS}/${entry}.api.d.ts`, text };
});

if (process.argv.includes('--check')) {
  const committed = (file: string) => {
    try {
      return readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
    } catch {
      return '';
    }
  };
  const stale = reports.filter(({ file, text }) => committed(file) !== text).map(({ file }) => file);
  if (stale.length > 0) {
    console.error(`The public surface has changed (${stale.join(', ')}): run \`npm run api\`, and look at the diff.`);
    process.exitCode = 1;
  }
} else {
  mkdirSync(REPORTS, { recursive: true });
  for (const { file, text } of reports) writeFileSync(file, text);
}
