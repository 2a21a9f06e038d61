import type { StoredMsg } from '@nats-io/jetstream';
import type { KV, KvEntry } from '@nats-io/kv';
import type { OutboxStats } from '../outbox/types.js';
import type { Kept } from './cursors.js';
import type { Buckets } from './layout.js';
import { BEAT, type Beat, HOLDS } from './membership.js';
import { decoded } from './names.js';
import type { Store } from './store.js';
import type { FleetStatus } from './types.js';

const AT_ONCE = 100;

interface Worker {
  readonly beat: Beat;
  readonly seenAt: Date;
  readonly holds: ReadonlySet<string>;
}

/** All that the buckets say, at one look. */
export async function statusOf(store: Store, buckets: Buckets, leaseMs: number): Promise<FleetStatus> {
  const [cursors, words, reports, consumers] = await Promise.all([
    entriesOf(store, buckets.cursors, store.names.cursors),
    entriesOf(store, buckets.workers, store.names.workers),
    reportsOf(store),
    consumersOf(store),
  ]);
  const workers = liveWorkers(words, leaseMs);
  return {
    workers: [...workers].map(([worker, { beat, seenAt }]) => ({
      worker,
      role: beat.role,
      devices: beat.devices,
      seenAt: seenAt.toISOString(),
    })),
    devices: devicesOf(cursors, workers),
    consumers,
    boxes: reports.map((report) => ({
      ...report.json<{ box: string } & OutboxStats>(),
      seenAt: report.time.toISOString(),
    })),
  };
}

async function entriesOf(store: Store, bucket: KV, name: string): Promise<KvEntry[]> {
  const prefix = `$KV.${name}.`;
  const entries = await newest(store, `KV_${name}`, `${prefix}>`, (subject) =>
    bucket.get(subject.slice(prefix.length)),
  );
  return entries.filter(({ operation }) => operation === 'PUT');
}

function reportsOf(store: Store): Promise<StoredMsg[]> {
  const { jsm, names } = store;
  return newest(store, names.boxes, names.allReports, (subject) =>
    jsm.streams.getMessage(names.boxes, { last_by_subj: subject }),
  );
}

/**
 * Of each subject the newest message. Asked for one by one: a consumer over a bucket that is written all the time was seen to stop
 * for good in the middle (client 3.4, server 2.9).
 */
async function newest<T>(
  { jsm }: Store,
  stream: string,
  filter: string,
  get: (subject: string) => Promise<T | null>,
): Promise<T[]> {
  const { state } = await jsm.streams.info(stream, { subjects_filter: filter });
  const subjects = Object.keys(state.subjects ?? {});
  const found: T[] = [];
  for (let index = 0; index < subjects.length; index += AT_ONCE) {
    const some = await Promise.all(subjects.slice(index, index + AT_ONCE).map(get));
    for (const each of some) if (each !== null) found.push(each);
  }
  return found;
}

/** Those whose last sign of life is not a lease older than the newest of anybody: by the server's clock, which all have in common. */
function liveWorkers(entries: readonly KvEntry[], leaseMs: number): Map<string, Worker> {
  const beats = entries.filter(({ key }) => key.startsWith(BEAT));
  const newest = Math.max(...beats.map(({ created }) => created.getTime()));
  const holds = new Map(
    entries
      .filter(({ key }) => key.startsWith(HOLDS))
      .map((entry) => [entry.key.slice(HOLDS.length), new Set(entry.json<string[]>())]),
  );
  return new Map(
    beats
      .filter(({ created }) => newest - created.getTime() <= leaseMs)
      .map((entry) => {
        const worker = entry.key.slice(BEAT.length);
        return [worker, { beat: entry.json<Beat>(), seenAt: entry.created, holds: holds.get(worker) ?? new Set() }];
      }),
  );
}

function devicesOf(cursors: readonly KvEntry[], workers: ReadonlyMap<string, Worker>): FleetStatus['devices'] {
  const kept = new Map(cursors.map((entry) => entry.json<Kept>()).map((each) => [each.deviceid, each]));
  const ids = new Set([...kept.keys(), ...[...workers.values()].flatMap(({ holds }) => [...holds])]);
  return [...ids].sort().map((deviceid) => {
    const [worker, holder] = [...workers].sort().find(([, { holds }]) => holds.has(deviceid)) ?? [];
    return {
      deviceid,
      followedBy: worker ?? null,
      lastPassingAt: kept.get(deviceid)?.lastPassingAt ?? null,
      lastError: holder?.beat.errors[deviceid] ?? null,
    };
  });
}

/** Those of one name together. */
async function consumersOf(store: Store): Promise<FleetStatus['consumers']> {
  const behind = new Map<string, number>();
  for (const { name, config, num_pending, num_ack_pending } of await store.consumers()) {
    if (config.durable_name === undefined) continue;
    const consumer = decoded(name.split('_')[0]!) ?? name;
    behind.set(consumer, (behind.get(consumer) ?? 0) + num_pending + num_ack_pending);
  }
  return [...behind].map(([consumer, batches]) => ({ consumer, behind: batches }));
}
