// Made by `npm run api` from the built declarations. A change here is a change of the public surface.

import type { Device, Passing, Session } from 'rufus-client';

export interface DispatcherLike {
    request(options: {
        origin: string;
        path: string;
        method: string;
        headers?: Record<string, string>;
        body?: string | Uint8Array | null;
        signal?: AbortSignal;
        headersTimeout?: number;
        bodyTimeout?: number;
    }): Promise<{
        statusCode: number;
        headers: Record<string, string | string[] | undefined>;
        body: AsyncIterable<Uint8Array> & {
            text(): Promise<string>;
            dump(options?: {
                limit: number;
            }): Promise<void>;
        };
    }>;
    close?(): Promise<void>;
}

export declare class Sandbox {
    #private;
    readonly keys: SandboxKeys;
    readonly dispatcher: DispatcherLike;
    readonly state: SandboxState;
    constructor(options?: SandboxOptions);
    get handlers(): readonly RequestHandler[];
    listen(port?: number): Promise<SandboxServer>;
    fault(fault: SandboxFault): void;
    reset(): void;
}

export interface SandboxFault {
    on?: string | undefined;
    times?: number | undefined;
    kind: 'status' | 'reset-before' | 'reset-after' | 'hang' | 'drip' | 'truncate' | 'html';
    status?: number | undefined;
    headers?: Record<string, string> | undefined;
}

export interface SandboxKeys {
    readonly read: string;
    readonly write: string;
    readonly readWrite: string;
    readonly admin: string;
}

export interface SandboxOptions {
    envelope?: 'spec' | 'flat' | undefined;
    coordinates?: 'string' | 'number' | undefined;
    endOfPages?: 'empty' | 'absent' | '404' | undefined;
    bindConflict?: 'deviceid' | 'bare' | undefined;
    duplicates?: 'number' | 'none' | undefined;
    unknownKey?: 401 | 403 | undefined;
    pageSize?: number | undefined;
    maxBodyBytes?: number | undefined;
    latencyMs?: number | undefined;
}

export interface SandboxServer {
    readonly url: string;
    close(): Promise<void>;
}

export interface SandboxState {
    readonly devices: readonly Device[];
    readonly sessions: readonly (Session & {
        deviceid: string;
    })[];
    passings(token_session: string): readonly Passing[];
}

export interface ServeSandboxOptions extends SandboxOptions {
    port?: number | undefined;
    host?: string | undefined;
    key?: string | undefined;
    state?: string | undefined;
    onStateError?: ((error: Error) => void) | undefined;
}

export interface ServedSandbox extends SandboxServer {
    readonly keys: SandboxKeys;
    readonly address: string;
}

export declare function mswDispatcher(...handlers: readonly unknown[]): DispatcherLike;

export declare function serveSandbox(options?: ServeSandboxOptions): Promise<ServedSandbox>;
