// Made by `npm run api` from the built declarations. A change here is a change of the public surface.

import type { FollowBatch, FollowOptions, RufusClient, RufusClientOptions, RufusError } from 'rufus-client';
import type { Outbox, OutboxStats } from 'rufus-client/outbox';

export declare abstract class Fleet implements AsyncDisposable {
    abstract follow(options: FleetFollowOptions): Promise<void>;
    abstract passings(options: FleetPassingsOptions): AsyncIterable<FleetBatch>;
    abstract serve(options?: FleetServeOptions): Promise<void>;
    abstract status(): Promise<FleetStatus>;
    abstract close(): Promise<void>;
    abstract [Symbol.asyncDispose](): Promise<void>;
}

export interface FleetBatch extends Omit<FollowBatch, 'cursor'> {
    readonly deviceid: string;
    readonly redelivered: boolean;
    ack(): Promise<void>;
}

export interface FleetCall {
    readonly box: string;
    readonly operation: string;
    readonly method: string;
    readonly deviceid: string | undefined;
    readonly token_session: string | undefined;
}

export interface FleetClientOptions extends Omit<RufusClientOptions, 'apiKey' | 'authHeader' | 'baseUrl' | 'dispatcher' | 'proxy' | 'connections' | 'allowInsecure'> {
    nats: NatsConnection | Promise<NatsConnection>;
    box: string;
    name?: string | undefined;
}

export interface FleetFollowOptions {
    devices: Iterable<string> | 'all';
    pollMs?: FollowOptions['pollMs'];
    holeTimeoutMs?: number | undefined;
    maxDevices?: number | undefined;
    signal?: AbortSignal | undefined;
}

export interface FleetOptions {
    client: RufusClient;
    nats: NatsConnection;
    name?: string | undefined;
    replicas?: 1 | 3 | 5 | undefined;
    leaseMs?: number | undefined;
    retain?: {
        hours?: number | undefined;
        maxBytes?: number | undefined;
    } | undefined;
}

export interface FleetPassingsOptions {
    consumer: string;
    deviceid?: string | undefined;
    signal?: AbortSignal | undefined;
}

export interface FleetServeOptions {
    allow?: ((call: FleetCall) => boolean | Promise<boolean>) | undefined;
    concurrency?: number | undefined;
    signal?: AbortSignal | undefined;
}

export interface FleetStatus {
    readonly workers: readonly {
        readonly worker: string;
        readonly role: 'follow' | 'serve';
        readonly devices: number;
        readonly seenAt: string;
    }[];
    readonly devices: readonly {
        readonly deviceid: string;
        readonly followedBy: string | null;
        readonly lastPassingAt: string | null;
        readonly lastError: string | null;
    }[];
    readonly consumers: readonly {
        readonly consumer: string;
        readonly behind: number;
    }[];
    readonly boxes: readonly ({
        readonly box: string;
        readonly seenAt: string;
    } & OutboxStats)[];
}

export declare class FleetUnavailableError extends RufusError {
    constructor(message: string, facts?: ErrorFacts);
}

export interface ReportOptions {
    nats: NatsConnection | Promise<NatsConnection>;
    box: string;
    name?: string | undefined;
    everyMs?: number | undefined;
}

export declare function fleetClient(options: FleetClientOptions): RufusClient;

export declare function openFleet(options: FleetOptions): Promise<Fleet>;

export declare function reportOutbox(outbox: Outbox, options: ReportOptions): () => Promise<void>;

// Spoken of, but not exported:

interface ErrorFacts {
    operation?: string | undefined;
    attempts?: number | undefined;
    requestMaybeProcessed?: boolean | undefined;
    cause?: unknown;
}
