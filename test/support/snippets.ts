import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { PROJECT_FOLDER } from './child.js';

/**
 * A code fence of a document. Behind its language may stand `given=client,token_session`, names that the snippet takes
 * as given (they come from snippet-givens.ts), `env` where it takes its key and its server from the environment, and
 * `only-types` where it cannot run.
 */
export interface Snippet {
  readonly title: string;
  readonly extension: 'ts' | 'js';
  readonly code: string;
  readonly runs: boolean;
  readonly needsEnv: boolean;
}

const FENCE = /^```(ts|js)\b([^\n]*)\n(.*?)^```$/gms;
const GIVENS = join(PROJECT_FOLDER, 'test/support/snippet-givens.js');

/** The TypeScript and JavaScript fences of a document in the project's folder. */
export function snippetsOf(document: string): Snippet[] {
  const text = readFileSync(join(PROJECT_FOLDER, document), 'utf8');
  return [...text.matchAll(FENCE)].map(({ index, 1: extension, 2: info, 3: code }) => {
    const line = text.slice(0, index).split('\n').length;
    const given = /\bgiven=([\w,]+)/.exec(info!)?.[1];
    const imports = given === undefined ? '' : `import { ${given.replaceAll(',', ', ')} } from '${GIVENS}';\n`;
    return {
      title: `${document}:${line}`,
      extension: extension as 'ts' | 'js',
      code: `${imports}${code}\nexport {};\n`,
      runs: !/\bonly-types\b/.test(info!),
      needsEnv: /\benv\b/.test(info!),
    };
  });
}

/** What tsc finds wrong with the snippets, by the project's own settings, as if they were files in its folder. */
export function typeErrors(snippets: readonly Snippet[]): string[] {
  const { config } = ts.readConfigFile(join(PROJECT_FOLDER, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, PROJECT_FOLDER);
  // A snippet may declare what it only shows.
  const settings = { ...options, noUnusedLocals: false, allowJs: true, checkJs: true };
  const files = new Map(snippets.map((snippet, index) => [fileOf(snippet, index), snippet]));
  const host = ts.createCompilerHost(settings);
  const { readFile, fileExists, getSourceFile } = host;
  host.readFile = (file) => files.get(file)?.code ?? readFile(file);
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.getSourceFile = (file, languageVersion, ...rest) => {
    const snippet = files.get(file);
    if (snippet !== undefined) return ts.createSourceFile(file, snippet.code, languageVersion);
    return getSourceFile(file, languageVersion, ...rest);
  };
  const program = ts.createProgram([...files.keys()], settings, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    const where = file === undefined ? '' : (files.get(file.fileName)?.title ?? file.fileName);
    return `${where}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

const fileOf = ({ extension }: Snippet, index: number) => join(PROJECT_FOLDER, `snippet-${index}.${extension}`);
