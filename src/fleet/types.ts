import type { NatsConnection } from '@nats-io/transport-node';
import type { RufusClient } from '../client.js';
import type { OutboxStats } from '../outbox/types.js';
import type { FollowBatch, FollowOptions, RufusClientOptions } from '../types.js';

/** Options of {@link openFleet}. Only `client` and `nats` are required. */
export interface FleetOptions {
  /** Follows devices and carries the calls of boxes: its key must be allowed to read, and to write where `serve` runs. Never closed by the fleet. */
  client: RufusClient;
  /** Made with `connect()` of @nats-io/transport-node, best with `maxReconnectAttempts: -1`. Never closed by the fleet. */
  nats: NatsConnection;
  /** Begins the name of every stream, subject and bucket: two fleets share a NATS account under two names. 1 to 32 of `a-z0-9_-`. Default `'rufus'`. */
  name?: string | undefined;
  /** Copies of what is stored, each on a server of its own. Default 1; 3 is what a race deserves. Fixed by whoever opens the fleet first. */
  replicas?: 1 | 3 | 5 | undefined;
  /** Milliseconds, 200 to 600,000. A worker without a sign of life for so long loses its devices to the others; a batch that its consumer neither acknowledges nor works on comes again. Default 10_000. */
  leaseMs?: number | undefined;
  /** How long and how much the stream keeps, for every consumer. Where a device stands never goes with it. Fixed by whoever opens the fleet first. */
  retain?:
    | {
        /** Above 0, up to 87,600. Default 168. */
        hours?: number | undefined;
        /** Bytes, at least 65,536. Default 8 GiB. */
        maxBytes?: number | undefined;
      }
    | undefined;
}

/** Options of {@link Fleet.follow}. */
export interface FleetFollowOptions {
  /** Their ids; `'all'`: every device of the account, new ones within a minute. */
  devices: Iterable<string> | 'all';
  /** As in `client.passings.follow`. */
  pollMs?: FollowOptions['pollMs'];
  /** As in `client.passings.follow`. */
  holeTimeoutMs?: number | undefined;
  /** This worker follows no more than so many. Default 10,000, which is also the most. */
  maxDevices?: number | undefined;
  /** Ends it. */
  signal?: AbortSignal | undefined;
}

/** Options of {@link Fleet.passings}. */
export interface FleetPassingsOptions {
  /** A name for what is done with the passings, `'results'` say: the fleet remembers by it what was acknowledged. */
  consumer: string;
  /** Only this device. What was acknowledged is remembered by itself, beside that of the whole. */
  deviceid?: string | undefined;
  /** Ends it: the iterator rejects with RufusAbortError. */
  signal?: AbortSignal | undefined;
}

/** Options of {@link Fleet.serve}. */
export interface FleetServeOptions {
  /** Decides about each call; nothing is sent for one that is refused. Default: what a box needs for its own device. */
  allow?: ((call: FleetCall) => boolean | Promise<boolean>) | undefined;
  /** Calls at a time. Default 64. */
  concurrency?: number | undefined;
  /** Ends it. */
  signal?: AbortSignal | undefined;
}

/** Passings of one device, as a reader stored them. */
export interface FleetBatch extends Omit<FollowBatch, 'cursor'> {
  /** Whose they are. */
  readonly deviceid: string;
  /** It was handed out before, and not acknowledged in time. */
  readonly redelivered: boolean;
  /**
   * Resolves when the server has confirmed that it will not come again. Until then no later batch of this device is handed out.
   *
   * @throws FleetUnavailableError - it could not be confirmed before the iteration ended; the batch comes again
   */
  ack(): Promise<void>;
}

/** A call of a box, as `allow` judges it. */
export interface FleetCall {
  /** Whose call it is: NATS vouches for it, see the guide. */
  readonly box: string;
  /** `'passings.insert'`, `'sessions.create'`, … */
  readonly operation: string;
  /** Of HTTP. */
  readonly method: string;
  /** The device that the call names, or the one that the session belongs to, where that is known. */
  readonly deviceid: string | undefined;
  /** The session that the call names. */
  readonly token_session: string | undefined;
}

/** A snapshot of the whole fleet. Times are ISO 8601, UTC, by the clock of the NATS server. */
export interface FleetStatus {
  /** Workers that gave a sign of life within the last hour and were not stopped. */
  readonly workers: readonly {
    /** Its host, its process and a random part. */
    readonly worker: string;
    /** Reader or gateway. */
    readonly role: 'follow' | 'serve';
    /** How many it follows. */
    readonly devices: number;
    /** Its last sign of life. */
    readonly seenAt: string;
  }[];
  /** Devices that are followed, or were. */
  readonly devices: readonly {
    /** As the API has it. */
    readonly deviceid: string;
    /** The worker that follows it now. */
    readonly followedBy: string | null;
    /** Timestamp of its newest passing in the stream. */
    readonly lastPassingAt: string | null;
    /** Why it cannot be followed now; null while it can. */
    readonly lastError: string | null;
  }[];
  /** Of each consumer: batches that it has not acknowledged yet. */
  readonly consumers: readonly {
    /** Its name. */
    readonly consumer: string;
    /** Batches, those under way included. */
    readonly behind: number;
  }[];
  /** What boxes report with {@link reportOutbox}, tokens shortened. A box is forgotten after a week without a word. */
  readonly boxes: readonly ({
    /** Its name. */
    readonly box: string;
    /** When its last report came. */
    readonly seenAt: string;
  } & OutboxStats)[];
}

/** Options of {@link fleetClient}: where to, and what any client takes but for what concerns the key and the sockets. */
export interface FleetClientOptions
  extends Omit<
    RufusClientOptions,
    'apiKey' | 'authHeader' | 'baseUrl' | 'dispatcher' | 'proxy' | 'connections' | 'allowInsecure'
  > {
  /** Made with `connect()` of @nats-io/transport-node, or its promise: calls then wait for it. Never closed by the client. */
  nats: NatsConnection | Promise<NatsConnection>;
  /** The box's name, which is in the subject of its calls: the serial number of its device, unless the fleet's `allow` says otherwise. */
  box: string;
  /** Of the fleet. Default `'rufus'`. */
  name?: string | undefined;
}

/** Options of {@link reportOutbox}. */
export interface ReportOptions {
  /** Made with `connect()` of @nats-io/transport-node, or its promise: reports begin with it. Never closed by the report. */
  nats: NatsConnection | Promise<NatsConnection>;
  /** The box's name, as in {@link FleetClientOptions}. */
  box: string;
  /** Of the fleet. Default `'rufus'`. */
  name?: string | undefined;
  /** Milliseconds between two reports. Default 5_000. */
  everyMs?: number | undefined;
}

/**
 * Readers, consumers and boxes of one company, on any number of machines, over NATS.
 *
 * @example
 * const fleet = await openFleet({ client, nats: await connect({ servers: 'nats.example.com' }) });
 * await fleet.follow({ devices: 'all' });
 */
export abstract class Fleet implements AsyncDisposable {
  /**
   * Works as a reader until `signal` aborts or the fleet is closed; then it resolves, its devices free at once. Run as many as you
   * like, on as many machines: each device is followed by one of them, shared out evenly, and each passing is stored once.
   * What fails (the API, a server, a refused key) is waited out; `status()` tells it for each device.
   *
   * @throws RufusConfigError - an option is missing or wrong
   * @throws FleetUnavailableError - the NATS connection was closed
   * @example
   * await fleet.follow({ devices: 'all', signal: stop.signal });
   */
  abstract follow(options: FleetFollowOptions): Promise<void>;
  /**
   * What the readers have stored, oldest first, from where this consumer's name last acknowledged: for a new name, all that is kept.
   * A batch comes again until its `ack()` has resolved. Processes with the same name share the work, a device's batches
   * in order. Keep each passing under (`token_session`, `num_passing`), and each counts once, whatever dies.
   *
   * @throws RufusConfigError - an option is missing or wrong
   * @throws RufusAbortError - `signal` was aborted
   * @throws FleetUnavailableError - the NATS connection was closed
   * @example
   * for await (const batch of fleet.passings({ consumer: 'results' })) {
   *   await store(batch.passings);
   *   await batch.ack();
   * }
   */
  abstract passings(options: FleetPassingsOptions): AsyncIterable<FleetBatch>;
  /**
   * Carries the calls of boxes ({@link fleetClient}) to the API, with this fleet's key, until `signal` aborts or the fleet is closed;
   * then it resolves, once the calls under way are answered. Run as many as you like, on as many machines.
   *
   * @throws RufusConfigError - an option is missing or wrong
   * @throws FleetUnavailableError - the NATS connection was closed
   * @example
   * await fleet.serve({ allow: ({ box, operation }) => box.startsWith('mat-') && operation !== 'devices.unbind' });
   */
  abstract serve(options?: FleetServeOptions): Promise<void>;
  /**
   * Who works, who follows which device, how far each consumer is, how each box stands.
   *
   * @throws FleetUnavailableError - NATS does not answer
   */
  abstract status(): Promise<FleetStatus>;
  /** Ends what this object runs and waits for it. */
  abstract close(): Promise<void>;
  /** `close()`. */
  abstract [Symbol.asyncDispose](): Promise<void>;
}
