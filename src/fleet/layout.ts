import type { JetStreamManager, StreamConfig } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { type NatsConnection, nanos } from '@nats-io/transport-node';
import { RufusConfigError } from '../core/errors.js';
import { LANES, type Names } from './names.js';
import type { FleetSettings } from './options.js';
import type { Store } from './store.js';
import { CODES, codeOf } from './trouble.js';

const OLDEST_SERVER = [2, 9, 4] as const;
/** A dead worker's last words are kept so long. */
const WORKERS_MS = 3_600_000;
const BOXES_MS = 7 * 24 * 3_600_000;
/** Longer than a message may be under way between the check of its condition and its place in the stream. */
const FENCE_MS = 120_000;

export interface Buckets {
  readonly cursors: KV;
  readonly workers: KV;
}

/**
 * Makes the streams and the buckets where they are missing, and reads back what the server made of them: an old one leaves out what
 * it does not know, without an error.
 *
 * @throws RufusConfigError - the server is too old; a stream differs; an option asks for more than there is
 * @throws what NATS says where it cannot do it now
 */
export async function layOut(settings: FleetSettings, { names, js, jsm }: Store): Promise<Buckets> {
  demandVersion(settings.nats);
  try {
    await ensureStream(batches(settings, names), jsm);
    await ensureStream(reports(settings, names), jsm);
    const kvm = new Kvm(js);
    return {
      cursors: await ensureBucket(settings, names.cursors, undefined, kvm, jsm),
      workers: await ensureBucket(settings, names.workers, WORKERS_MS, kvm, jsm),
    };
  } catch (error) {
    throw explained(settings, error);
  }
}

/**
 * @throws RufusConfigError - it names what is missing
 * @throws Error - the connection is down, nobody says what the next server is
 */
function demandVersion({ info }: NatsConnection): void {
  if (info === undefined) throw new Error('it is not connected');
  const version = info.version ?? '';
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  const [needMajor, needMinor, needPatch] = OLDEST_SERVER;
  const isNewEnough =
    major > needMajor || (major === needMajor && (minor > needMinor || (minor === needMinor && patch >= needPatch)));
  if (isNewEnough) return;
  throw new RufusConfigError(
    `This NATS server is ${version === '' ? 'of an unknown version' : version}; the fleet needs JetStream with pull consumers by name (consumer create with a filter), which came with ${OLDEST_SERVER.join('.')}. Update the server.`,
  );
}

type Config = Partial<StreamConfig> & { name: string };

/** What must be as it is asked for. The rest the server may fill in. */
function batches({ replicas, retainMs, retainBytes }: FleetSettings, names: Names): Config {
  return {
    name: names.stream,
    description: `Passings of a rufus-client fleet, in ${LANES} lanes`,
    subjects: [names.allBatches],
    retention: 'limits',
    storage: 'file',
    discard: 'old',
    num_replicas: replicas,
    max_age: nanos(retainMs),
    max_bytes: retainBytes,
    max_msgs: -1,
    max_msgs_per_subject: -1,
    duplicate_window: nanos(Math.min(FENCE_MS, retainMs)),
  };
}

/** The newest of each box. */
function reports({ replicas }: FleetSettings, names: Names): Config {
  return {
    name: names.boxes,
    description: 'What the boxes of a rufus-client fleet report',
    subjects: [names.allReports],
    retention: 'limits',
    storage: 'file',
    num_replicas: replicas,
    max_msgs_per_subject: 1,
    max_age: nanos(BOXES_MS),
  };
}

async function ensureStream(wanted: Config, jsm: JetStreamManager): Promise<void> {
  const { config } = await jsm.streams.info(wanted.name).catch((error: unknown) => {
    if (codeOf(error) !== CODES.streamNotFound) throw error;
    // Another one may make it at the same moment: that one's is then as good as ours, or told below to differ.
    return jsm.streams.add(wanted).catch((refusal: unknown) => {
      if (codeOf(refusal) === CODES.nameInUse) return jsm.streams.info(wanted.name);
      throw refusal;
    });
  });
  demandSame(wanted, config);
}

const OPTION_OF: Readonly<Record<string, string>> = {
  num_replicas: 'replicas',
  max_age: 'retain.hours',
  max_bytes: 'retain.maxBytes',
  subjects: 'name',
};

function demandSame(wanted: Config, config: StreamConfig): void {
  for (const [field, value] of Object.entries(wanted)) {
    const there = (config as unknown as Record<string, unknown>)[field];
    if (JSON.stringify(there) === JSON.stringify(value)) continue;
    const option = OPTION_OF[field];
    const what = option === undefined ? 'it was not made by this version of the fleet' : `see \`${option}\``;
    throw new RufusConfigError(
      `The stream ${wanted.name} exists with ${field} ${JSON.stringify(there)}, this fleet wants ${JSON.stringify(value)}: ${what}. It is never changed silently: open the fleet as it is, or change the stream with the \`nats\` command.`,
    );
  }
}

async function ensureBucket(
  { replicas }: FleetSettings,
  name: string,
  ttl: number | undefined,
  kvm: Kvm,
  jsm: JetStreamManager,
): Promise<KV> {
  // Read from the leader, never from a copy that may lag behind.
  const bucket = await kvm.create(name, { replicas, allow_direct: false, ...(ttl !== undefined && { ttl }) });
  const { config } = await jsm.streams.info(`KV_${name}`);
  demandSame({ name: `KV_${name}`, num_replicas: replicas }, config);
  return bucket;
}

function explained({ replicas }: FleetSettings, error: unknown): unknown {
  if (error instanceof RufusConfigError) return error;
  switch (codeOf(error)) {
    case CODES.replicasNotSupported:
      return new RufusConfigError(
        `\`replicas\` is ${replicas}, but this NATS server stands alone: more than one copy takes a cluster.`,
        { cause: error },
      );
    case CODES.storageExceeded:
    case CODES.accountStorageExceeded:
    case CODES.maxBytesExceedsLimit:
      return new RufusConfigError(
        '`retain.maxBytes` is more than the NATS server may store (max_file_store of its configuration, or a limit of the account).',
        { cause: error },
      );
    default:
      return error;
  }
}
