import type { Clock } from '../clock.js';
import type { StorageState } from '../journal.js';

const RECHECK_MS = 5_000;

export interface StorageWatchSetup {
  readonly clock: Clock;
  readonly changed: (state: StorageState, cause: unknown) => void;
  /** Resolves if there is room again. */
  readonly probe: () => Promise<unknown>;
}

/** Whether appends go through. Full ends by itself: it is looked for with each commit, and every few seconds. */
export class StorageWatch {
  state: StorageState = 'ok';
  private cancel: (() => void) | null = null;
  private closed = false;

  constructor(private readonly setup: StorageWatchSetup) {}

  full(cause: unknown): void {
    if (this.state === 'failed') return;
    this.enter('full', cause);
    this.again();
  }

  failed(cause: unknown): void {
    this.enter('failed', cause);
  }

  /** Not for good, after all. */
  mended(): void {
    if (this.state === 'failed') this.enter('ok', undefined);
  }

  /** Looks whether full is over. */
  async recheck(): Promise<void> {
    if (this.state !== 'full' || this.closed) return;
    try {
      await this.setup.probe();
      if (this.state === 'full') this.enter('ok', undefined);
    } catch {
      this.again();
    }
  }

  close(): void {
    this.closed = true;
    this.cancel?.();
  }

  private again(): void {
    this.cancel?.();
    if (!this.closed) this.cancel = this.setup.clock.after(RECHECK_MS, () => void this.recheck());
  }

  private enter(state: StorageState, cause: unknown): void {
    if (this.state === state) return;
    this.state = state;
    if (state !== 'full') this.cancel?.();
    this.setup.changed(state, cause);
  }
}
