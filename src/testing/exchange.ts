import type { Settings } from './settings.js';
import type { World } from './world.js';

/** What an operation of the sandbox is given. */
export interface ApiRequest {
  readonly world: World;
  readonly settings: Settings;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** What it gives. */
export interface ApiReply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}
