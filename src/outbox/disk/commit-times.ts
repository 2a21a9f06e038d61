const MOST = 1024;

/** When which passing was committed: a sample that stays small, whatever the backlog. */
export class CommitTimes {
  private marks: { readonly seq: number; readonly at: number }[] = [];

  note(seq: number, at: number): void {
    this.marks.push({ seq, at });
    // Thinned, never cut short: the oldest is the one that is asked for.
    if (this.marks.length > MOST) this.marks = this.marks.filter((_, index) => index % 2 === 0);
  }

  /** Of the newest commit noted that began at or before `seq`. */
  of(seq: number): number | null {
    let found = this.marks[0];
    let passed = -1;
    for (const mark of this.marks) {
      if (mark.seq > seq) break;
      found = mark;
      passed++;
    }
    if (passed > 0) this.marks.splice(0, passed);
    return found?.at ?? null;
  }
}
