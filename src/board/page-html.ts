import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * The page as one file. In the sources it is bundled when somebody asks for it; in the package, what this gives stands in
 * the place of this module (tsup.config.ts), and esbuild is not there.
 */
export async function pageHtml(): Promise<string> {
  const folder = fileURLToPath(new URL('page/', import.meta.url));
  const { outputFiles } = await build({
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
  });
  const template = await readFile(`${folder}index.html`, 'utf8');
  const textOf = (extension: string) => outputFiles.find(({ path }) => path.endsWith(extension))!.text.trim();
  return template.replace('/* style */', () => textOf('.css')).replace('/* script */', () => textOf('.js'));
}
