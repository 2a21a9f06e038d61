const MOST = 1024;

/** When which passing was committed: a sample that stays small, whatever the backlog. */
export class CommitTimes {
  #marks: { readonly seq: number; readonly at: number }[] = [];
  /** Every how many commits one is kept. */
  #stride = 1;
  #skipped = 0;

  /** A commit whose first passing is `seq`; `alone` if nothing was pending before it. */
  note(seq: number, at: number, alone: boolean): void {
    if (alone) {
      this.#marks = [];
      this.#stride = 1;
      this.#skipped = 0;
    }
    if (this.#marks.length > 0 && ++this.#skipped < this.#stride) return;
    this.#skipped = 0;
    this.#marks.push({ seq, at });
    if (this.#marks.length <= MOST) return;
    this.#marks = this.#marks.filter((_, index) => index % 2 === 0);
    this.#stride *= 2;
  }

  /** Of the newest commit kept that began at or before `seq`; null if there is none. */
  of(seq: number): number | null {
    return (this.#marks.findLast((mark) => mark.seq <= seq) ?? this.#marks[0])?.at ?? null;
  }
}
