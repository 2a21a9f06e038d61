import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * The page as one file. In the sources it is bundled when somebody asks for it; in the package, what this gives stands in
 * the place of this module (tsup.config.ts), and esbuild is not there.
 */
export async function pageHtml(): Promise<string> {
  const folder = fileURLToPath(new URL('page/', import.meta.url));
  const { outputFiles, metafile } = await build({
    entryPoints: [`${folder}main.tsx`],
    outdir: folder,
    write: false,
    bundle: true,
    minify: true,
    format: 'iife',
    target: ['chrome109', 'firefox115', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    metafile: true,
  });
  const template = readFileSync(`${folder}index.html`, 'utf8');
  const textOf = (extension: string) => outputFiles.find(({ path }) => path.endsWith(extension))!.text.trim();
  return template
    .replace('licenses', () => licensesOf(Object.keys(metafile.inputs)))
    .replace('/* style */', () => textOf('.css'))
    .replace('/* script */', () => textOf('.js'));
}

/** The licenses of what is bundled demand that they come along. */
function licensesOf(files: readonly string[]): string {
  const folders = files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+\//.exec(file)?.[0] ?? []);
  const texts = [...new Set(folders)].map((folder) => {
    const { name, version } = JSON.parse(readFileSync(`${folder}package.json`, 'utf8'));
    return `${name} ${version}\n\n${readFileSync(`${folder}LICENSE`, 'utf8').trim()}`;
  });
  return texts.join('\n\n').replaceAll('--', '- -');
}
