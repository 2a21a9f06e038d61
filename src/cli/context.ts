import type { LogLevel, RequestOptions, RufusClient, RufusClientOptions } from 'rufus-client';
import { VERSION } from '../version.js';
import { findKey, type KeyOptions, type KeySource } from './api-key.js';
import type { ExitCode } from './exit-codes.js';
import { Interruption } from './interruption.js';
import { Screen } from './screen.js';

/** The options that every command takes. */
export interface GlobalOptions extends KeyOptions {
  readonly baseUrl?: string | undefined;
  readonly proxy?: string | undefined;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
  readonly logLevel?: LogLevel | undefined;
  readonly quiet?: boolean | undefined;
}

/** What a command works with: the client, the screen, the wish to stop. */
export class Context {
  readonly screen = new Screen();
  readonly interruption = new Interruption();
  /** What the process ends with if nothing fails; unset, 0 or that of the signal that came. */
  exitCode: ExitCode | undefined;
  #options: GlobalOptions = {};
  #key: Promise<KeySource> | undefined;
  #knownKey: string | undefined;
  #client: RufusClient | undefined;

  get options(): GlobalOptions {
    return this.#options;
  }

  set options(options: GlobalOptions) {
    this.#options = options;
    this.screen.quiet = options.quiet === true;
  }

  /** Aborted by Ctrl-C and SIGTERM. */
  get signal(): AbortSignal {
    return this.interruption.signal;
  }

  /** The last argument of every call of the client. */
  get call(): RequestOptions {
    return { signal: this.signal };
  }

  /** The key and where it comes from; read once. */
  key(): Promise<KeySource> {
    this.#key ??= findKey(this.#options, this.screen).then((found) => {
      this.secret(found.apiKey);
      return found;
    });
    return this.#key;
  }

  /** Remembers a key, so that no message shows it. */
  secret(apiKey: string): string {
    this.#knownKey = apiKey;
    return apiKey;
  }

  /** Made on first use, and closed when the command ends. */
  async client(): Promise<RufusClient> {
    this.#client ??= await this.makeClient(await this.key());
    return this.#client;
  }

  /** A client of the caller's own, who closes it. */
  async makeClient(key: Pick<KeySource, 'apiKey' | 'baseUrl'>, more: RufusClientOptions = {}): Promise<RufusClient> {
    const { RufusClient } = await import('rufus-client');
    const { baseUrl, proxy } = this.#options;
    return new RufusClient({
      apiKey: key.apiKey,
      baseUrl: baseUrl ?? (process.env.RUFUS_BASE_URL?.trim() || key.baseUrl),
      proxy,
      ...this.clientOptions,
      ...more,
    });
  }

  /** What holds for every client, however its calls travel. */
  get clientOptions(): Pick<RufusClientOptions, 'timeoutMs' | 'logLevel' | 'logger' | 'appInfo'> {
    const { timeout, logLevel, quiet } = this.#options;
    return {
      timeoutMs: timeout,
      logLevel: logLevel ?? (quiet ? 'error' : undefined),
      logger: this.#logger(),
      appInfo: { name: 'rufus', version: VERSION },
    };
  }

  async close(): Promise<void> {
    await this.#client?.close();
  }

  /** Whatever an error says, the key is not in it. */
  withoutKey(text: string): string {
    const known = this.#knownKey ?? '';
    return (known.length < 4 ? text : text.replaceAll(known, '…')).replace(/ror-[0-9a-f]{4,}/gi, 'ror-…');
  }

  /** The library's log, on standard error. */
  #logger(): NonNullable<RufusClientOptions['logger']> {
    const line = (level: string) => (message: string, fields?: object) =>
      this.screen.log(`${level}: ${message}${fields === undefined ? '' : ` ${JSON.stringify(fields)}`}`);
    return { error: line('error'), warn: line('warning'), info: line('info'), debug: line('debug') };
  }
}
