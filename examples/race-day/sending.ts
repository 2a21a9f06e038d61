import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RufusClient } from 'rufus-client';
import type { OutboxStats } from 'rufus-client/outbox';
import type { Random } from '../../src/simulation/field.js';
import type { Target } from '../support/target.js';
import { type Mishaps, wreakHavoc } from './chaos.js';
import { deliver, type Job, looksAt } from './delivery.js';
import type { TimingDevice } from './device.js';
import { deliverInSpiteOfKills } from './killing.js';
import { Link } from './link.js';

/** How the reads of all devices came to the server. */
export interface Sent {
  readonly outboxes: readonly OutboxStats[];
  readonly mishaps: Mishaps;
}

type OnDelivered = (count: number) => void;

/** Every device sends through an outbox of its own, all at once. */
export async function sendAll(
  client: RufusClient,
  devices: readonly TimingDevice[],
  onDelivered: OnDelivered,
): Promise<Sent> {
  return withFolder(async (folder) => {
    const jobs = jobsOf(devices, folder, 0);
    const outboxes = await Promise.all(jobs.map((job) => deliver(client, job, onDelivered)));
    return { outboxes, mishaps: {} };
  });
}

const RACE_MS = 8_000;
/** The first devices are killed this often each; the others run in this process. */
const KILLED_DEVICES = 2;
const KILLS = 3;

/** The same while everything goes wrong that can, over a bad link, with devices that are killed and restarted. */
export async function sendAllThroughChaos(
  { sandbox, options }: Target,
  devices: readonly TimingDevice[],
  random: Random,
  onDelivered: OnDelivered,
): Promise<Sent> {
  if (sandbox === undefined || options.baseUrl === undefined) throw new Error('chaos is for the sandbox');
  const link = await Link.to(String(options.baseUrl));
  // Outages are what this is about: the outboxes need not warn of each.
  const badOptions = { ...options, baseUrl: link.url, timeoutMs: 1_000, logLevel: 'error' as const };
  const client = new RufusClient(badOptions);
  const over = new AbortController();
  try {
    return await withFolder(async (folder) => {
      let kills = 0;
      const havoc = wreakHavoc(sandbox, link, random, over.signal);
      const outboxes = await Promise.all(
        jobsOf(devices, folder, RACE_MS).map((job, index) =>
          index < KILLED_DEVICES
            ? deliverInSpiteOfKills({ job, options: badOptions }, KILLS, onDelivered, () => kills++)
            : deliver(client, job, onDelivered),
        ),
      );
      over.abort();
      return { outboxes, mishaps: { 'device killed': kills, ...(await havoc) } };
    });
  } finally {
    over.abort();
    await client.close();
    await link.close();
  }
}

function jobsOf(devices: readonly TimingDevice[], folder: string, raceMs: number): Job[] {
  return devices.map(({ recording: { passings }, token_session }, index) => ({
    passings,
    token_session,
    directory: join(folder, `outbox-${index}`),
    pauseMs: raceMs / looksAt(passings),
  }));
}

async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'race-day-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
