import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Options } from 'tsup';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

const PACKAGE = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//g;

/** Their licenses demand that a copy of them comes along: `bundled-licenses.txt`, beside what was bundled. */
export const bundledLicenses: Plugin = {
  name: 'licenses of what is bundled',
  setup(build) {
    build.initialOptions.metafile = true;
    build.onEnd(({ metafile }) => {
      const files = Object.keys(metafile?.inputs ?? {});
      const names = files.flatMap((file) => [...file.matchAll(PACKAGE)].at(-1)?.[1] ?? []);
      const texts = [...new Set(names)].sort().map(licenseOf);
      const folder = build.initialOptions.outdir ?? 'dist';
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'bundled-licenses.txt'), texts.join('\n\n'));
    });
  },
};

function licenseOf(name: string): string {
  const folder = join('node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((each) => /^licen[cs]e(\.\w+)?$/i.test(each));
  if (file === undefined) throw new Error(`${name} is bundled, and its package has no license to come along`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
}
