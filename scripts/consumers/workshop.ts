// Where consumers live: a folder of installations, each shared by those who need the same.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './command.js';
import type { Consumer } from './list.js';

const NPM_INSTALL = ['npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];

export class Workshop {
  readonly #folder = mkdtempSync(join(tmpdir(), 'rufus-consumers-'));
  readonly #installations = new Map<string, Promise<string>>();
  readonly #nodes = new Map<string, Promise<string>>();
  readonly #tarball: string;

  constructor(tarball: string) {
    this.#tarball = tarball;
  }

  /** Installs, compiles and runs a consumer; rejects at the first step that fails. */
  async use(consumer: Consumer, environment: Readonly<Record<string, string>>): Promise<void> {
    const bins = consumer.node === undefined ? [] : [await this.#node(consumer.node)];
    const installation = await this.#installation(consumer, bins);
    const project = join(installation, consumer.name);
    const outside = join(this.#folder, 'outside', consumer.name);
    layOut(consumer, project);
    mkdirSync(outside, { recursive: true });
    const path = [join(installation, 'node_modules/.bin'), ...bins];
    for (const step of consumer.steps) {
      await run(
        step.map((word) => word.replaceAll('{outside}', outside).replaceAll('{tarball}', this.#tarball)),
        { cwd: project, path, environment },
      );
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The folder of commands of a Node of this version, from the registry. */
  #node(version: string): Promise<string> {
    return once(this.#nodes, version, async () => {
      const folder = join(this.#folder, `node-${version}`);
      mkdirSync(folder, { recursive: true });
      await run([...NPM_INSTALL, '--no-save', '--prefix', folder, `node@${version}`], { cwd: folder });
      return join(folder, 'node_modules/.bin');
    });
  }

  /** A folder with the package and what else this consumer needs, installed by its own Node. */
  #installation({ node, packages, undici }: Consumer, path: readonly string[]): Promise<string> {
    return once(this.#installations, JSON.stringify([node, packages, undici]), async () => {
      const folder = join(this.#folder, `installation-${this.#installations.size}`);
      mkdirSync(folder, { recursive: true });
      writeJson(join(folder, 'package.json'), {
        private: true,
        dependencies: { 'rufus-client': `file:${this.#tarball}`, ...packages },
        ...(undici !== undefined && { overrides: { 'rufus-client': { undici } } }),
      });
      await run(NPM_INSTALL, { cwd: folder, path });
      return folder;
    });
  }
}

/** A consumer's own files. */
function layOut({ name, template, type = 'module', compilerOptions }: Consumer, project: string): void {
  cpSync(join('consumers', template), project, { recursive: true });
  writeJson(join(project, 'package.json'), { name, private: true, type });
  if (compilerOptions === undefined) return;

  const common = { target: 'es2022', strict: true, types: ['node'], rootDir: project, outDir: join(project, 'out') };
  // No `skipLibCheck`: the package's own types are checked, too, and those of zod. No DOM either.
  writeJson(join(project, 'tsconfig.json'), {
    compilerOptions: { ...common, lib: ['es2022'], ...compilerOptions },
    files: ['index.ts'],
  });
  // msw's types need the DOM, and in CommonJS they stumble over packages of msw's that are ESM only.
  mkdirSync(join(project, 'testing'), { recursive: true });
  writeJson(join(project, 'testing/tsconfig.json'), {
    compilerOptions: { ...common, skipLibCheck: true, ...compilerOptions },
    files: ['index.ts'],
  });
}

function once<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const promise = known.get(key) ?? make();
  known.set(key, promise);
  return promise;
}

const writeJson = (file: string, value: unknown) => writeFileSync(file, JSON.stringify(value, null, 2));
