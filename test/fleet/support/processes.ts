import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'tsup';
import { onTestFinished } from 'vitest';
import { PROJECT_FOLDER } from '../../support/child.js';
import { until } from './fleet.js';
import type { WorkerOptions } from './worker.js';

let bundled: Promise<string> | undefined;

/** The worker in one file: processes that are killed all the time must start fast. */
function workerFile(): Promise<string> {
  bundled ??= (async () => {
    // In the project, where it finds its imports.
    const folder = await mkdtemp(join(PROJECT_FOLDER, 'dist-test-'));
    process.once('exit', () => void spawn('rm', ['-rf', folder], { detached: true, stdio: 'ignore' }).unref());
    await build({
      entry: { worker: join(PROJECT_FOLDER, 'test/fleet/support/worker.ts') },
      outDir: folder,
      format: 'esm',
      target: 'node20',
      outExtension: () => ({ js: '.mjs' }),
      config: false,
      silent: true,
    });
    return join(folder, 'worker.mjs');
  })();
  return bundled;
}

export type Said = Readonly<Record<string, unknown>>;

/** A worker in a process of its own. */
export class WorkerProcess {
  readonly said: Said[] = [];
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  #rest = '';

  private constructor(
    readonly options: WorkerOptions,
    child: ChildProcess,
  ) {
    this.#child = child;
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) this.said.push(JSON.parse(line) as Said);
    });
    this.#gone = once(child, 'close');
  }

  static async start(options: WorkerOptions): Promise<WorkerProcess> {
    const file = await workerFile();
    const child = spawn(process.execPath, [file, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const worker = new WorkerProcess(options, child);
    onTestFinished(() => worker.kill());
    return worker;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  of<T>(what: string): T[] {
    return this.said.filter((fact) => what in fact).map((fact) => fact[what] as T);
  }

  async ready(): Promise<this> {
    const isReady = (): boolean => this.of('ready').length > 0 || !this.isRunning;
    await until(isReady, `${this.options.name} is ready`, 60_000).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(this.said.slice(-3))}`);
    });
    return this;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGCONT');
    this.#child.kill('SIGKILL');
    await this.#gone;
  }

  /** As a service manager stops it. */
  async terminate(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#gone;
  }

  async ended(): Promise<void> {
    await this.#gone;
  }

  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }
}
