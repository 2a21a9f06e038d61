// An intake over an outbox that is a list: what a process has made durable, kept over its restarts.
import { join } from 'node:path';
import { type NewPassing, type Outbox, OutboxBusyError, type Receipt } from 'rufus-client/outbox';
import { Intake, type IntakeEvents } from '../../../../src/cli/forward/intake.js';
import { RejectedFile } from '../../../../src/cli/forward/rejected-file.js';

export class Taker {
  /** What is durable: passings in their order, and positions. */
  readonly passings: NewPassing[] = [];
  readonly positions = new Map<string, string | number>();
  /** Append fails with what this returns. */
  refuse: (list: readonly NewPassing[]) => Error | undefined = () => undefined;
  /** Appends wait for this. */
  before: () => Promise<void> = async () => {};
  readonly rejectedPath: string;

  constructor(readonly folder: string) {
    this.rejectedPath = join(folder, 'rejected.jsonl');
  }

  get bibs(): string[] {
    return this.passings.map(({ bib }) => bib);
  }

  /** The intake of a new process. */
  async intake(
    stop: AbortSignal,
    events: Partial<IntakeEvents> = {},
  ): Promise<{ intake: Intake; rejected: RejectedFile; die: () => void }> {
    const life = { isDead: false };
    const rejected = await RejectedFile.open(this.rejectedPath);
    const outbox = {
      append: async (list: readonly NewPassing[], { source }: { source?: { name: string; position: string } } = {}) => {
        await this.before();
        const error = life.isDead ? new OutboxBusyError('dead', { pendingBytes: 0 }) : this.refuse(list);
        if (error !== undefined) throw error;
        const receipts = list.map(
          (passing): Receipt => ({ token_session: 'S', num_passing: this.passings.push(passing) }),
        );
        if (source !== undefined) this.positions.set(source.name, source.position);
        return receipts;
      },
    };
    const all: IntakeEvents = { rejected: () => {}, waiting: () => {}, ...events };
    const intake = new Intake(outbox as unknown as Outbox, rejected, all, stop);
    return {
      intake,
      rejected,
      die: () => {
        life.isDead = true;
      },
    };
  }
}
