// Made by `npm run api` from the built declarations. A change here is a change of the public surface.

import type { RufusClient } from 'rufus-client';

export interface BoardOptions {
    client: RufusClient;
    devices: readonly string[] | 'all';
    listen?: {
        host?: string | undefined;
        port?: number | undefined;
    } | undefined;
    state?: string | undefined;
    title?: string | undefined;
    timeZone?: string | undefined;
    token?: string | undefined;
    public?: boolean | undefined;
}

export interface ServedBoard {
    readonly url: string;
    close(): Promise<void>;
}

export declare function serveBoard(options: BoardOptions): Promise<ServedBoard>;

export declare function serveDemoBoard(options?: Omit<BoardOptions, 'client' | 'devices'>): Promise<ServedBoard>;
