// Leads from the built package to src/, which is in it, too: an editor's "go to definition" and, with --enable-source-maps, a
// stack trace arrive there. tsup makes the maps of the code; those of the bundled types, which it does not make, are made here.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import { encode, type SourceMapMappings } from '@jridgewell/sourcemap-codec';
import ts from 'typescript';

const DIST = 'dist';
const SOURCES = 'src';

/** A declaration, and where each name in it stands: `FollowOptions.pollMs.min`, counted where it comes more than once. */
interface Declaration {
  readonly file: ts.SourceFile;
  readonly kind: ts.SyntaxKind;
  readonly places: ReadonlyMap<string, number>;
}

const parse = (path: string) => ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);

function placesIn(declaration: ts.Node, file: ts.SourceFile): Map<string, number> {
  const places = new Map<string, number>();
  const visit = (node: ts.Node, owner: string): void => {
    const { name } = node as ts.NamedDeclaration;
    let path = owner;
    if (name !== undefined && !ts.isPrivateIdentifier(name)) {
      path = `${owner}.${name.getText(file)}`;
      let key = path;
      for (let count = 2; places.has(key); count += 1) key = `${path} ${count}`;
      places.set(key, name.getStart(file));
    }
    ts.forEachChild(node, (child) => visit(child, path));
  };
  visit(declaration, '');
  return places;
}

/** By name. Several may have one name: an interface here, a schema there. */
function declarationsOf(path: string): [name: string, Declaration][] {
  const file = parse(path);
  return file.statements
    .flatMap((statement): readonly ts.Node[] =>
      ts.isVariableStatement(statement) ? statement.declarationList.declarations : [statement],
    )
    .flatMap((node) => {
      const { name } = node as ts.NamedDeclaration;
      if (name === undefined || !ts.isIdentifier(name)) return [];
      return [[name.text, { file, kind: node.kind, places: placesIn(node, file) }]];
    });
}

const written = new Map<string, Declaration[]>();
for (const path of readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })) {
  if (!path.endsWith('.ts')) continue;
  for (const [name, declaration] of declarationsOf(join(SOURCES, path))) {
    written.set(name, [...(written.get(name) ?? []), declaration]);
  }
}

/** What a bundled declaration was made of: the one of its kind that has all of its names, but for those of a type that was inferred. */
function originOf(name: string, { kind, places }: Declaration): Declaration {
  const isInferred = kind === ts.SyntaxKind.VariableDeclaration;
  const origins = (written.get(name) ?? []).filter(
    (other) => other.kind === kind && (isInferred || [...places.keys()].every((place) => other.places.has(place))),
  );
  if (origins.length === 1) return origins[0]!;
  throw new Error(`${name} of the bundled types has ${origins.length} origins in ${SOURCES}/, not one`);
}

function mapTypes(bundle: string): void {
  const path = join(DIST, bundle);
  const sources: string[] = [];
  const mappings: SourceMapMappings = [];
  for (const [name, declaration] of declarationsOf(path)) {
    const origin = originOf(name, declaration);
    const source = `../${origin.file.fileName.replaceAll('\\', '/')}`;
    if (!sources.includes(source)) sources.push(source);
    for (const [place, position] of declaration.places) {
      const originPosition = origin.places.get(place);
      if (originPosition === undefined) continue;
      const { line, character } = declaration.file.getLineAndCharacterOfPosition(position);
      const from = origin.file.getLineAndCharacterOfPosition(originPosition);
      while (mappings.length <= line) mappings.push([]);
      mappings[line]!.push([character, sources.indexOf(source), from.line, from.character]);
    }
  }
  for (const segments of mappings) segments.sort(([a], [b]) => a - b);
  const map = { version: 3, file: bundle, sources, names: [], mappings: encode(mappings) };
  writeFileSync(`${path}.map`, JSON.stringify(map));
  writeFileSync(path, `${readFileSync(path, 'utf8').trimEnd()}\n//# sourceMappingURL=${bundle}.map\n`);
}

/** Maps of CommonJS name the built file itself, by its path on this machine. */
function settle(name: string): void {
  const path = join(DIST, name);
  const map: { sources: string[] } = JSON.parse(readFileSync(path, 'utf8'));
  const sources = map.sources.map((source) => (isAbsolute(source) ? basename(source) : source));
  writeFileSync(path, JSON.stringify({ ...map, file: basename(name, '.map'), sources }));
}

const built = readdirSync(DIST);
built.filter((name) => /\.c?js\.map$/.test(name)).forEach(settle);
built.filter((name) => /\.d\.c?ts$/.test(name)).forEach(mapTypes);
