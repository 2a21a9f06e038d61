const MOST = 1024;

/** The times of commits, by seq: a sample of limited size, for a backlog of any size. */
export class CommitTimes {
  #marks: { readonly seq: number; readonly at: number }[] = [];
  /** One commit in so many is kept. */
  #stride = 1;
  #skipped = 0;

  /** A commit whose first passing is `seq`; `alone`: nothing was pending before it. */
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

  /** The time of the newest commit in the sample that began at or before `seq`, or of the oldest one; null without any. */
  of(seq: number): number | null {
    return (this.#marks.findLast((mark) => mark.seq <= seq) ?? this.#marks[0])?.at ?? null;
  }
}
