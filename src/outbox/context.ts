import type { RufusClient } from '../client.js';
import { type Clock, Timer } from './clock.js';
import { Drain } from './drain.js';
import type { Emitter } from './emitter.js';
import { FolderDevice } from './folder-device.js';
import type { Journal } from './journal.js';
import { OutboxLogger } from './logger.js';
import type { OutboxSettings } from './options.js';
import { Replacements } from './replacements.js';
import { SessionSwitches } from './session-switches.js';

/** What the parts of an outbox share. */
export class OutboxContext {
  readonly timer: Timer;
  readonly drain: Drain;
  readonly logger: OutboxLogger;
  readonly device: FolderDevice;
  readonly replacements: Replacements;
  readonly switches: SessionSwitches;

  constructor(
    readonly client: RufusClient,
    readonly journal: Journal,
    readonly settings: OutboxSettings,
    readonly clock: Clock,
    readonly random: () => number,
    readonly emitter: Emitter,
  ) {
    this.timer = new Timer(clock);
    this.drain = new Drain(journal, this.timer);
    this.logger = new OutboxLogger(this);
    this.device = new FolderDevice(this);
    this.replacements = new Replacements(this);
    this.switches = new SessionSwitches(this);
  }
}
