import type { RufusClient } from '../client.js';
import type { Clock, Timer } from './clock.js';
import type { Drain } from './drain.js';
import type { Emitter } from './emitter.js';
import type { Journal } from './journal.js';
import type { OutboxLog } from './logging.js';
import type { OutboxSettings } from './options.js';

/** What all parts of an outbox share. */
export interface OutboxContext {
  readonly client: RufusClient;
  readonly journal: Journal;
  readonly settings: OutboxSettings;
  readonly clock: Clock;
  /** As Math.random. */
  readonly random: () => number;
  readonly timer: Timer;
  readonly emitter: Emitter;
  readonly drain: Drain;
  readonly log: OutboxLog;
}
