import { randomBytes } from 'node:crypto';
import { type BindDeviceInput, type PassingInput, RufusAPIError, type RufusClient } from 'rufus-client';
import type { SandboxOptions } from 'rufus-client/testing';
import { payloadOf, type Seen, type Tap } from './tap.js';

/** What every inquiry stands on: a device of the probe's own, its open session, and six passings in it. */
export interface Ground {
  readonly client: RufusClient;
  readonly tap: Tap;
  readonly device: BindDeviceInput;
  readonly deviceid: string;
  readonly token_session: string;
  readonly passings: readonly PassingInput[];
}

/** What was found out. `dialect`: the sandbox option that does the same. */
export interface Observed {
  readonly answer: string;
  readonly details?: string;
  readonly dialect?: SandboxOptions;
}

export interface Finding extends Observed {
  readonly question: string;
}

export interface Inquiry {
  readonly question: string;
  find(ground: Ground): Promise<Observed>;
}

export async function prepare(
  client: RufusClient,
  tap: Tap,
  { type, model }: { readonly type: string; readonly model: string },
): Promise<Ground> {
  const serial_number = `probe-${randomBytes(6).toString('hex')}`;
  const device = { type, model, serial_number, alias: 'rufus-client probe' };
  const { deviceid } = await client.devices.bind(device);
  const { token_session } = await client.sessions.create({ deviceid, alias: 'probe, first' });
  const start = Math.floor(Date.now() / 1_000) * 1_000 - 60_000;
  const passings = Array.from({ length: 6 }, (_, index) => ({
    num_passing: index + 1,
    bib: `P${index + 1}`,
    chip: `PROBE${index + 1}`,
    timestamp: new Date(start + index * 1_000).toISOString(),
    latitude: 41.38,
    longitude: 2.17,
  }));
  await client.passings.insert(token_session, passings);
  return { client, tap, device, deviceid, token_session, passings };
}

export interface Reply {
  readonly status: number;
  readonly payload: Record<string, unknown>;
  readonly headers: Headers;
}

/** Asks for what the client's own methods would judge, and takes a refusal for an answer. */
export async function ask(
  { client, tap }: Ground,
  method: string,
  path: string,
  options: Parameters<RufusClient['request']>[2] = {},
): Promise<Reply> {
  let seen: Seen;
  try {
    await client.request(method, path, options);
    seen = tap.last;
  } catch (error) {
    if (!(error instanceof RufusAPIError)) throw error;
    seen = tap.last;
  }
  return { status: seen.status, payload: payloadOf(seen), headers: seen.headers };
}

/** The rows of a list that a reply holds, under either of their names. */
export function rowsOf({ payload }: Reply): Record<string, unknown>[] | undefined {
  const rows = payload.result ?? payload.passings;
  return Array.isArray(rows) ? rows : undefined;
}

export const numbersOf = (reply: Reply): unknown[] => (rowsOf(reply) ?? []).map(({ num_passing }) => num_passing);

/** What the server said in words, as a part of a sentence. */
export function words({ status, payload }: Reply): string {
  const said = payload.description ?? payload.message;
  return typeof said === 'string' ? `${status} "${said}"` : String(status);
}
