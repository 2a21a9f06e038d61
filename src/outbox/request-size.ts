const WINS = 3;
/** How long a refusal for size is believed. */
const BELIEVED_MS = 3_600_000;

/** How many bytes a request may have, as learned from those that were too much. */
export class RequestSize {
  readonly #max: number;
  readonly #mono: () => number;
  /** What the server takes: it has said so. */
  #allowed: number;
  #learnedAt = 0;
  /** What the link takes in time: it gets better again. */
  #bearable: number;
  #wins = 0;

  constructor(max: number, mono: () => number) {
    this.#max = max;
    this.#mono = mono;
    this.#allowed = max;
    this.#bearable = max;
  }

  get bytes(): number {
    if (this.#allowed < this.#max && this.#mono() - this.#learnedAt > BELIEVED_MS) this.#learn(this.#allowed * 2);
    return Math.min(this.#allowed, this.#bearable);
  }

  /** 413 */
  tooLarge(bytes: number): void {
    this.#learn(bytes / 2);
  }

  /** A timeout. */
  tooSlow(bytes: number): void {
    this.#bearable = Math.min(this.#bearable, bytes / 2);
    this.#wins = 0;
  }

  delivered(): void {
    if (this.#bearable >= this.#max || ++this.#wins < WINS) return;
    this.#bearable = Math.min(this.#max, this.#bearable * 2);
    this.#wins = 0;
  }

  #learn(bytes: number): void {
    this.#allowed = Math.min(this.#max, bytes);
    this.#learnedAt = this.#mono();
  }
}
