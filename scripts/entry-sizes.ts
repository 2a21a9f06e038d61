import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'tsup';

export interface EntrySize {
  /** As it is imported: `rufus-client/testing`. */
  readonly name: string;
  readonly minified: number;
  readonly gzip: number;
  readonly brotli: number;
}

/** How many bytes each entry of the built package brings, with all of its own chunks and without its dependencies. */
export async function entrySizes(): Promise<EntrySize[]> {
  const { name, exports } = JSON.parse(readFileSync('package.json', 'utf8'));
  const entries = Object.entries<string | { import: { default: string } }>(exports).flatMap(([path, target]) =>
    typeof target === 'string' ? [] : [{ name: join(name, path), file: target.import.default }],
  );
  const outDir = mkdtempSync(join(tmpdir(), 'entry-sizes-'));
  try {
    await build({
      entry: Object.fromEntries(entries.map(({ file }, index) => [String(index), file])),
      outDir,
      format: 'esm',
      target: 'node20',
      minify: true,
      splitting: false,
      config: false,
      silent: true,
    });
    return entries.map(({ name }, index) => {
      const code = readFileSync(join(outDir, `${index}.js`));
      return {
        name,
        minified: code.length,
        gzip: gzipSync(code, { level: 9 }).length,
        brotli: brotliCompressSync(code).length,
      };
    });
  } finally {
    rmSync(outDir, { recursive: true });
  }
}
