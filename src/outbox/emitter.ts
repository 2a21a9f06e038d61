import { EventEmitter } from 'node:events';
import type { OutboxEvents } from './types.js';

type Name = keyof OutboxEvents;
type Listener = (...args: unknown[]) => unknown;

/** Typed events. What a listener throws, or rejects with, goes to `failed` only. */
export class Emitter {
  failed: (error: unknown) => void = () => {};
  readonly #events = new EventEmitter({ captureRejections: false }).setMaxListeners(0);
  /** Events of before `release`: no listener can have been added yet. */
  #held: (() => void)[] | null = [];

  on<K extends Name>(event: K, listener: (...args: OutboxEvents[K]) => void): void {
    this.#events.on(event, listener as Listener);
  }

  off<K extends Name>(event: K, listener: (...args: OutboxEvents[K]) => void): void {
    this.#events.off(event, listener as Listener);
  }

  hears(event: Name): boolean {
    return this.#held !== null || this.#events.listenerCount(event) > 0;
  }

  emit<K extends Name>(event: K, ...args: OutboxEvents[K]): void {
    if (this.#held !== null) this.#held.push(() => this.#tell(event, args));
    else this.#tell(event, args);
  }

  /** Emits what was held; later events are emitted at once. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const tell of held) tell();
  }

  #tell(event: Name, args: readonly unknown[]): void {
    for (const listener of this.#events.listeners(event) as Listener[]) {
      try {
        const answer = listener(...args);
        if (answer instanceof Promise) answer.catch(this.failed);
      } catch (error) {
        this.failed(error);
      }
    }
  }
}
