// A device with a session on a sandbox, a folder, and the built `rufus forward` between them.
import { once } from 'node:events';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Passing } from 'rufus-client';
import { onTestFinished } from 'vitest';
import { type Account, openAccount } from '../../support/account.js';
import { type Running, type Setting, start, temporaryFolder } from '../../support/rufus.js';
import { Link } from './link.js';

export interface Rig extends Account {
  readonly deviceid: string;
  readonly token_session: string;
  readonly folder: string;
  readonly outbox: string;
  /** Between it and the sandbox. */
  readonly link: Link;
  /** Starts it with these arguments besides --device and --outbox. */
  forward(args: readonly string[], setting?: Setting): Running;
  /** What the device's sessions hold, by number. */
  stored(): Passing[];
  bibs(): string[];
  /** Once the server has so many. */
  delivered(count: number): Promise<void>;
  rejected(): RejectedEntry[];
  /** Writes a file into the folder, and returns its path. */
  file(name: string, content: string): string;
}

export interface RejectedEntry {
  readonly time: string;
  readonly source: string;
  readonly reason: string;
  readonly line: string;
  readonly base64?: string;
  readonly bytes?: number;
}

export const TIME = '2024-04-21T09:30:00.000Z';
export const HEADER = 'timestamp,bib\n';
export const line = (bib: number | string) => `${TIME},${bib}\n`;

export async function rig(): Promise<Rig> {
  const account = await openAccount();
  const { sandbox, client, env } = account;
  const { deviceid } = await client.devices.bind({ type: 'reader', model: 'R1', serial_number: 'SN-1' });
  const { token_session } = await client.sessions.create({ deviceid });
  const link = await new Link(sandbox).open();
  const folder = temporaryFolder();
  const outbox = join(folder, 'outbox');
  const stored = () => sandbox.state.sessions.flatMap((session) => sandbox.state.passings(session.token_session));
  return {
    ...account,
    link,
    deviceid,
    token_session,
    folder,
    outbox,
    forward: (args, setting = {}) =>
      start(['forward', '--device', deviceid, '--outbox', outbox, ...args], {
        ...setting,
        env: { ...env, RUFUS_BASE_URL: link.url, ...setting.env },
      }),
    stored,
    bibs: () => stored().map(({ bib }) => bib),
    delivered: (count) =>
      until(
        () => stored().length >= count,
        () => `${stored().length} of ${count} are stored`,
      ),
    rejected: () => {
      const path = `${outbox}.rejected.jsonl`;
      const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
      return text.split('\n').flatMap((entry) => (entry === '' ? [] : [JSON.parse(entry) as RejectedEntry]));
    },
    file(name, content) {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    },
  };
}

export async function until(
  isSo: () => boolean | Promise<boolean>,
  orElse: () => string = () => 'it is not so',
): Promise<void> {
  for (const end = performance.now() + 20_000; !(await isSo()); ) {
    if (performance.now() > end) throw new Error(orElse());
    await sleep(10);
  }
}

export const append = (path: string, text: string) => appendFileSync(path, text);

/** The port that it says it listens on. */
export async function portOf(
  { printed }: Running,
  pattern = /Listening for decoders on [\d.]+:(\d+)/,
): Promise<number> {
  return Number((await printed(pattern, 'stderr'))[1]);
}

/** The address of health and metrics. */
export async function httpOf({ printed }: Running): Promise<string> {
  return (await printed(/Health and metrics on (http:\S+)\./, 'stderr'))[1]!;
}

/** A decoder that connects. */
export class Decoder {
  readonly socket: Socket;
  #said = '';

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
  }

  static async connect(port: number): Promise<Decoder> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Decoder(socket);
  }

  send(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** The whole lines it was answered. */
  get answers(): string[] {
    return this.#said.split('\n').slice(0, -1);
  }

  async answered(count: number): Promise<string[]> {
    await until(
      () => this.answers.length >= count,
      () => `${count} answers were expected: ${this.answers.join(', ')}`,
    );
    return this.answers;
  }
}

/** What a process occupies. */
export function residentMiB(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}
