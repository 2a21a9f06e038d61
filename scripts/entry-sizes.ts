import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';

/** Of code, in bytes. */
export interface Size {
  readonly minified: number;
  readonly gzip: number;
  readonly brotli: number;
}

export interface EntrySize {
  /** As it is imported: `rufus-client/testing`. */
  readonly name: string;
  /** What importing it loads. */
  readonly start: Size;
  /** With what is loaded when it is first needed. */
  readonly whole: Size;
}

/** How much each entry of the built package brings, with its own chunks and without its dependencies. */
export async function entrySizes(): Promise<EntrySize[]> {
  const { name, exports } = JSON.parse(readFileSync('package.json', 'utf8'));
  const entries = Object.entries<string | { import: { default: string } }>(exports).flatMap(([path, target]) =>
    typeof target === 'string' ? [] : [{ name: join(name, path), file: target.import.default }],
  );
  return Promise.all(
    entries.map(async ({ name, file }) => ({ name, start: await sizeOf(file, [leftOut]), whole: await sizeOf(file) })),
  );
}

const leftOut: Plugin = {
  name: 'what is loaded later, left out',
  setup(build) {
    build.onResolve({ filter: /./ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    );
  },
};

async function sizeOf(file: string, plugins: Plugin[] = []): Promise<Size> {
  const { outputFiles } = await build({
    entryPoints: [file],
    plugins,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    minify: true,
    write: false,
    // That a chunk is imported for its effects, and has none, is no news.
    logLevel: 'error',
  });
  const code = outputFiles[0]!.contents;
  return {
    minified: code.length,
    gzip: gzipSync(code, { level: 9 }).length,
    brotli: brotliCompressSync(code).length,
  };
}
