// The servers of the guide: its own configuration files, with only addresses and folders replaced.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { PROJECT_FOLDER } from '../../support/child.js';
import { CERTIFICATE, KEY } from '../../support/fronts.js';
import { connected, freePort, NatsServer, started, temporaryFolder } from './nats-server.js';

const PASSWORDS = {
  OPERATOR_PASSWORD: 'o-secret',
  READER_PASSWORD: 'r-secret',
  GATEWAY_PASSWORD: 'g-secret',
  CONSUMER_PASSWORD: 'c-secret',
  LEAF_PASSWORD: 'l-secret',
  SYS_PASSWORD: 's-secret',
  BOX_0042_PASSWORD: 'b-secret-42',
  BOX_0043_PASSWORD: 'b-secret-43',
};

const fileOf = (name: string): Promise<string> => readFile(join(PROJECT_FOLDER, 'examples/fleet/nats', name), 'utf8');

export class GuideServers {
  private constructor(
    readonly centre: readonly NatsServer[],
    readonly course: NatsServer,
    /** A file: of whom the certificates are. */
    readonly authority: string,
  ) {}

  static async start(): Promise<GuideServers> {
    const folder = await temporaryFolder();
    const certificates = join(folder, 'certificates/');
    await mkdir(certificates);
    await writeFile(join(certificates, 'server.key'), KEY, { mode: 0o600 });
    for (const name of ['server.pem', 'ca.pem']) await writeFile(join(certificates, name), CERTIFICATE);
    const three = [1, 2, 3];
    const [ports, routes, leaves] = await Promise.all(
      [three, three, three].map((some) => Promise.all(some.map(() => freePort()))),
    );
    const shared = (await fileOf('server.conf'))
      .replace('include "accounts.conf"', await fileOf('accounts.conf'))
      .replaceAll('/etc/nats/', certificates)
      .replace(/nats:\/\/n(\d):6222/g, (_, number: string) => `nats://127.0.0.1:${routes![Number(number) - 1]}`);
    const centre = three.map((number, index) => {
      const own = join(folder, `n${number}`);
      const config = shared
        .replace('0.0.0.0:4222', `127.0.0.1:${ports![index]}`)
        .replace('127.0.0.1:8222', `127.0.0.1:${ports![index]! + 1}`)
        .replace('0.0.0.0:6222', `127.0.0.1:${routes![index]}`)
        .replace('0.0.0.0:7422', `127.0.0.1:${leaves![index]}`)
        .replace('"/data"', `"${join(own, 'store')}"`);
      return started(new NatsServer(own, ports![index]!, config, { ...PASSWORDS, SERVER_NAME: `n${number}` }));
    });
    const port = await freePort();
    const leaf = (await fileOf('leaf.conf'))
      .replaceAll('/etc/nats/', certificates)
      .replace('0.0.0.0:4222', `127.0.0.1:${port}`)
      .replace('127.0.0.1:8222', `127.0.0.1:${port + 1}`);
    const urls = leaves!.map((to, index) => [
      `LEAF_URL_${index + 1}`,
      `"tls://leaf:${PASSWORDS.LEAF_PASSWORD}@127.0.0.1:${to}"`,
    ]);
    const course = started(
      new NatsServer(join(folder, 'course'), port, leaf, {
        ...PASSWORDS,
        ...Object.fromEntries(urls),
        SERVER_NAME: 'course',
      }),
    );
    await Promise.all([...centre, course].map((server) => server.start()));
    await Promise.all(centre.map((server) => server.healthy()));
    return new GuideServers(centre, course, join(certificates, 'ca.pem'));
  }

  /** As this user of the centre, or as a box at the course. */
  connect(user: string): Promise<NatsConnection> {
    const { servers, pass } = this.#door(user);
    return connected(servers, { user, pass, inboxPrefix: `_INBOX.${user}`, tls: { ca: CERTIFICATE } });
  }

  /** What the examples take. */
  environmentOf(user: string): Record<string, string> {
    const { servers, pass } = this.#door(user);
    return {
      NATS_URL: servers.map(({ address }) => address).join(','),
      NATS_USER: user,
      NATS_PASSWORD: pass,
      NATS_CA: this.authority,
      FLEET_REPLICAS: '3',
    };
  }

  #door(user: string): { servers: readonly NatsServer[]; pass: string } {
    const isBox = /^\d/.test(user);
    const name = `${isBox ? 'BOX_' : ''}${user.toUpperCase()}_PASSWORD` as keyof typeof PASSWORDS;
    return { servers: isBox ? [this.course] : this.centre, pass: PASSWORDS[name] };
  }
}
