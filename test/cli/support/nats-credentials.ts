// An operator, an account and its users, as `nsc` makes them: a server's configuration, and the files that --creds takes.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nkeys } from '@nats-io/transport-node';

type KeyPair = ReturnType<typeof nkeys.createUser>;

const ALL = { subs: -1, data: -1, payload: -1 };
const OF_ACCOUNT = { ...ALL, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
const OF_JETSTREAM = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

const base64url = (text: string | Uint8Array): string => Buffer.from(text).toString('base64url');

function token(issuer: KeyPair, subject: KeyPair, name: string, nats: object): string {
  const head = base64url(JSON.stringify({ typ: 'JWT', alg: 'ed25519-nkey' }));
  const claims = { jti: name, iat: 1_700_000_000, iss: issuer.getPublicKey(), sub: subject.getPublicKey(), name };
  const signed = `${head}.${base64url(JSON.stringify({ ...claims, nats: { ...nats, version: 2 } }))}`;
  return `${signed}.${base64url(issuer.sign(Buffer.from(signed)))}`;
}

export class Credentials {
  readonly #account = nkeys.createAccount();
  readonly #folder: string;
  /** Lines of a server's configuration. */
  readonly config: string;

  constructor(folder: string) {
    this.#folder = folder;
    const operator = nkeys.createOperator();
    const system = nkeys.createAccount();
    const accounts: [KeyPair, object][] = [
      [this.#account, OF_JETSTREAM],
      [system, {}],
    ];
    const made = accounts.map(([keys, more]) => {
      const limits = { ...OF_ACCOUNT, ...more };
      return `${keys.getPublicKey()}: ${token(operator, keys, 'account', { type: 'account', limits })}`;
    });
    this.config = [
      `operator: ${token(operator, operator, 'operator', { type: 'operator' })}`,
      `system_account: ${system.getPublicKey()}`,
      `resolver: MEMORY`,
      `resolver_preload: { ${made.join(', ')} }`,
    ].join('\n');
  }

  /** The file of a user, who may do what is said, or everything. */
  async of(
    name: string,
    permissions: { publish: string[]; subscribe: string[] } | undefined = undefined,
  ): Promise<string> {
    const user = nkeys.createUser();
    const may = permissions && { pub: { allow: permissions.publish }, sub: { allow: permissions.subscribe } };
    const jwt = token(this.#account, user, name, { type: 'user', ...ALL, ...may });
    const file = join(this.#folder, `${name}.creds`);
    const seed = Buffer.from(user.getSeed()).toString();
    const content = `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
    await writeFile(file, content, { mode: 0o600 });
    return file;
  }
}
