// Made by `npm run api` from the built declarations. A change here is a change of the public surface.

import type { BindDeviceInput, PassingInput, RufusClient, RufusError, Session } from 'rufus-client';

export interface KeptPassing extends Receipt {
    readonly passing: NewPassing;
    readonly state: 'delivered' | 'pending';
}

export type NewPassing = Omit<PassingInput, 'num_passing'>;

export declare class NumberingUnknownError extends RufusError {
    constructor(message: string, facts?: ErrorFacts);
}

export declare abstract class Outbox implements AsyncDisposable {
    abstract readonly token_session: string;
    abstract append(passing: NewPassing): Promise<Receipt>;
    abstract append(passings: readonly NewPassing[], options?: {
        source?: {
            name: string;
            position: string | number;
        } | undefined;
    }): Promise<Receipt[]>;
    abstract position(source: string): string | number | undefined;
    abstract drained(options?: {
        signal?: AbortSignal | undefined;
    }): Promise<void>;
    abstract stats(): OutboxStats;
    abstract on<K extends keyof OutboxEvents>(event: K, listener: (...args: OutboxEvents[K]) => void): this;
    abstract off<K extends keyof OutboxEvents>(event: K, listener: (...args: OutboxEvents[K]) => void): this;
    abstract pause(): void;
    abstract resume(): void;
    abstract parked(): AsyncIterable<ParkedPassing>;
    abstract requeue(filter?: (parked: ParkedPassing) => boolean): Promise<Receipt[]>;
    abstract rewind(window: {
        from: string | Date;
        to: string | Date;
    }): Promise<{
        sent: number;
        skipped: readonly {
            token_session: string;
            count: number;
        }[];
    }>;
    abstract exportTo(file: string, options?: {
        format?: 'jsonl' | 'csv' | undefined;
    }): Promise<number>;
    abstract switchSession(session: OutboxSession, options?: {
        signal?: AbortSignal | undefined;
        timeoutMs?: number | undefined;
    }): Promise<Session['token_session']>;
    abstract close(options?: {
        drainMs?: number | undefined;
    }): Promise<{
        pending: number;
        parked: number;
    }>;
    abstract [Symbol.asyncDispose](): Promise<void>;
}

export declare class OutboxBusyError extends RufusError {
    readonly pendingBytes: number;
    constructor(message: string, facts: ErrorFacts & {
        pendingBytes: number;
    });
}

export declare class OutboxClosedError extends RufusError {
    constructor(message?: string, facts?: ErrorFacts);
}

export interface OutboxDamage {
    readonly file: string;
    readonly from: number;
    readonly to: number;
    readonly kind: 'corrupt' | 'missing' | 'torn';
    readonly passings: number;
    readonly undelivered: number;
    readonly numbers: {
        readonly token_session: string;
        readonly first: number;
        readonly last: number;
    } | null;
    readonly appendedAfter: string | null;
    readonly appendedBefore: string | null;
}

export interface OutboxEvents {
    delivered: [
        info: {
            count: number;
            inserted: number;
            duplicates: number;
            firstNum: number;
            lastNum: number;
        }
    ];
    retry: [
        info: {
            attempt: number;
            delayMs: number;
            cause: unknown;
            maybeProcessed: boolean;
        }
    ];
    state: [
        state: OutboxState,
        cause: unknown
    ];
    parked: [
        info: {
            passing: ParkedPassing;
        }
    ];
    collision: [
        info: {
            token_session: string;
            firstNum: number;
            lastNum: number;
            duplicates: number;
        }
    ];
    sessionClosed: [
        info: {
            token_session: string;
            replacedBy: string | null;
        }
    ];
    storage: [
        info: {
            storage: 'ok' | 'full' | 'failed';
            cause: unknown;
        }
    ];
    recovered: [
        info: {
            records: number;
            tornBytes: number;
            corruptRecords: number;
        }
    ];
    clockStep: [
        info: {
            ms: number;
        }
    ];
    numbersSkipped: [
        info: {
            token_session: string;
            from: number;
            to: number;
            why: unknown;
        }
    ];
}

export declare class OutboxFullError extends RufusError {
    readonly usedBytes: number;
    readonly freeBytes: number | undefined;
    constructor(message: string, facts: ErrorFacts & {
        usedBytes: number;
        freeBytes: number | undefined;
    });
}

export declare class OutboxLockedError extends RufusError {
    constructor(message: string, facts?: ErrorFacts);
}

export interface OutboxOptions {
    client: RufusClient;
    directory: string;
    session: OutboxSession;
    onSessionClosed?: 'park' | 'new-session' | undefined;
    maxDiskBytes?: number | undefined;
    minFreeBytes?: number | undefined;
    maxPendingBytes?: number | undefined;
    retain?: {
        hours?: number | undefined;
        maxBytes?: number | undefined;
    } | undefined;
    batch?: {
        max?: number | undefined;
        maxBytes?: number | undefined;
        lingerMs?: number | undefined;
    } | undefined;
    backoff?: {
        firstMs?: number | undefined;
        maxMs?: number | undefined;
    } | undefined;
    probeMs?: number | undefined;
    durability?: 'fsync' | 'os' | undefined;
}

export interface OutboxReading extends AsyncDisposable {
    readonly recovered: {
        readonly records: number;
        readonly tornBytes: number;
        readonly corruptRecords: number;
    };
    stats(): OutboxStats;
    parked(): AsyncIterable<ParkedPassing>;
    passings(): AsyncIterable<KeptPassing>;
    exportTo(file: string, options?: {
        format?: 'jsonl' | 'csv' | undefined;
    }): Promise<number>;
    verify(): Promise<OutboxDamage[]>;
    close(): Promise<void>;
}

export type OutboxSession = {
    token_session: string;
    startAt?: number | undefined;
} | {
    device: BindDeviceInput;
    open: 'active-or-new' | 'new';
    alias?: string | undefined;
} | {
    deviceid: string;
    open: 'active-or-new' | 'new';
    alias?: string | undefined;
};

export type OutboxState = 'idle' | 'sending' | 'backoff' | 'blocked' | 'paused' | 'closed';

export interface OutboxStats {
    readonly state: OutboxState;
    readonly storage: 'ok' | 'full' | 'failed';
    readonly token_session: string;
    readonly appended: number;
    readonly delivered: number;
    readonly parked: number;
    readonly pending: number;
    readonly inserted: number;
    readonly duplicates: number;
    readonly requests: number;
    readonly retries: number;
    readonly diskBytes: number;
    readonly oldestPendingAgeMs: number | null;
    readonly lastDeliveredAt: string | null;
    readonly lastError: string | null;
}

export interface ParkedPassing extends Receipt {
    readonly passing: NewPassing;
    readonly reason: 'rejected' | 'too-large' | 'session-closed';
    readonly status: number | undefined;
    readonly response: string | undefined;
}

export interface Receipt {
    readonly token_session: string;
    readonly num_passing: number;
}

export declare class SessionClosedError extends RufusError {
    constructor(message: string, facts?: ErrorFacts);
}

export declare class StorageError extends RufusError {
    constructor(message: string, facts?: ErrorFacts);
}

export declare function openOutbox(options: OutboxOptions): Promise<Outbox>;

export declare function readOutbox(directory: string): Promise<OutboxReading>;

// Spoken of, but not exported:

interface ErrorFacts {
    operation?: string | undefined;
    attempts?: number | undefined;
    requestMaybeProcessed?: boolean | undefined;
    cause?: unknown;
}
