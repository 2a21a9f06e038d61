import { readFile } from 'node:fs/promises';
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node';
import { CommandError, misuse } from '../command-error.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { readSecretFile } from '../secret-file.js';
import { loadFleet } from './load.js';
import type { NatsOptions } from './options.js';

const CONNECT_MS = 5_000;
const RETRY_MS = 1_000;

/** The servers of NATS, and how one comes in. */
export class NatsDoor {
  readonly #context: Context;
  readonly #options: ConnectionOptions;
  readonly #shown: string;

  private constructor(context: Context, options: ConnectionOptions, shown: string) {
    this.#context = context;
    this.#options = options;
    this.#shown = shown;
  }

  /** `user`: of whom the inbox is, where nothing else says it. */
  static async find(context: Context, options: NatsOptions, user?: string): Promise<NatsDoor> {
    const { nats = process.env.NATS_URL, creds, natsCa = process.env.NATS_CA } = options;
    if (nats === undefined) throw misuse('Say where NATS is: --nats HOST:PORT, or NATS_URL.');
    const servers = nats.split(',').map((server) => server.trim());
    if (servers.some((server) => server === '' || server.includes('@'))) {
      throw misuse(
        'Servers of NATS are given as HOST:PORT, several by commas, without a password: see --creds, or NATS_USER and NATS_PASSWORD.',
      );
    }
    const { NATS_USER, NATS_PASSWORD: pass } = process.env;
    const name = creds === undefined ? (NATS_USER ?? user) : user;
    const inboxPrefix = options.inboxPrefix ?? (name !== undefined && PLAIN.test(name) ? `_INBOX.${name}` : undefined);
    const mustBeTls = natsCa !== undefined || servers.some((server) => server.startsWith('tls:'));
    return new NatsDoor(
      context,
      {
        servers,
        timeout: CONNECT_MS,
        maxReconnectAttempts: -1,
        name: 'rufus',
        ...(inboxPrefix !== undefined && { inboxPrefix }),
        ...(mustBeTls && { tls: natsCa === undefined ? {} : { ca: await authorityIn(natsCa) } }),
        ...(creds !== undefined
          ? { authenticator: await authenticatorOf(creds, context) }
          : NATS_USER !== undefined && { user: NATS_USER, ...(pass !== undefined && { pass }) }),
      },
      servers.join(','),
    );
  }

  /** @throws CommandError - no server answers, or none lets us in */
  async connect(more: ConnectionOptions = {}): Promise<NatsConnection> {
    const { connect } = await loadFleet();
    try {
      return await connect({ ...this.#options, ...more });
    } catch (error) {
      throw this.#explained(error as Error);
    }
  }

  /** Tries until a server answers. `insists`: also where it lets nobody in, which somebody may mend. */
  async connectPatiently(
    signal: AbortSignal,
    { insists = false }: { insists?: boolean } = {},
  ): Promise<NatsConnection> {
    const { delay } = await loadFleet();
    for (let told = ''; ; ) {
      try {
        const nats = await this.connect({ ignoreAuthErrorAbort: insists });
        if (signal.aborted) await nats.close();
        return nats;
      } catch (error) {
        const { exitCode, message } = error as CommandError;
        if (signal.aborted || (exitCode !== EXIT.unusable && !insists)) throw error;
        if (message !== told) this.#context.screen.warn(`${message} Trying again until it does.`);
        told = message;
      }
      await delay(RETRY_MS);
      if (signal.aborted) throw new CommandError('Stopped.');
    }
  }

  #explained({ name, message }: Error): CommandError {
    const text = `${name} ${message}`;
    if (/authori[sz]|authentication/i.test(text)) {
      return new CommandError(
        `NATS at ${this.#shown} does not let us in (${message}): check --creds, or NATS_USER and NATS_PASSWORD.`,
        EXIT.keyRefused,
      );
    }
    if (/certificate|self.signed/i.test(text)) {
      return new CommandError(
        `The certificate of NATS at ${this.#shown} is not trusted (${message}): check --nats-ca.`,
        EXIT.unusable,
      );
    }
    return new CommandError(`NATS at ${this.#shown} does not answer (${message}): check --nats.`, EXIT.unusable);
  }
}

/** In a subject, other characters mean something, or are written otherwise. */
const PLAIN = /^[\w-]+$/;

async function authorityIn(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
    throw misuse(`The file of certificates ${file} cannot be read (${code}): check --nats-ca.`);
  });
}

async function authenticatorOf(file: string, { screen }: Context) {
  const { credsAuthenticator } = await loadFleet();
  const content = await readSecretFile(file, { what: 'credentials', option: '--creds' }, screen);
  // Its parser wants line feeds, and one at the end.
  const creds = Buffer.from(`${content.replaceAll('\r\n', '\n').trimEnd()}\n`);
  const authenticator = credsAuthenticator(creds);
  try {
    authenticator('nonce');
  } catch {
    throw misuse(`${file} holds no credentials of NATS, a JWT and its seed: check --creds.`);
  }
  return authenticator;
}
