import type { RufusError } from '../core/errors.js';
import type { FollowOptions, FollowState } from '../types.js';

/** Whether the API answers usably. Tells each change of it, once. */
export class Link {
  readonly #onState: FollowOptions['onState'];
  #isOutage = false;

  constructor(onState: FollowOptions['onState']) {
    this.#onState = onState;
  }

  get isOutage(): boolean {
    return this.#isOutage;
  }

  /** True if that ends an outage. */
  answered(): boolean {
    if (!this.#isOutage) return false;
    this.#isOutage = false;
    this.#tell({ state: 'live', since: new Date(), cause: null });
    return true;
  }

  /** @param since When the request left that was not answered. */
  failed(since: Date, cause: RufusError): void {
    if (this.#isOutage) return;
    this.#isOutage = true;
    this.#tell({ state: 'outage', since, cause });
  }

  #tell(state: FollowState): void {
    try {
      const result: unknown = this.#onState?.(state);
      // An async listener is a listener, too: its rejection would end the process.
      if (result instanceof Promise) result.catch(() => {});
    } catch {
      // Following matters more than who is told about it.
    }
  }
}
