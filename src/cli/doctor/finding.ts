import { EXIT, type ExitCode } from '../exit-codes.js';

export type Status = 'ok' | 'warning' | 'wrong';

/** What a look at one thing has shown. */
export interface Finding {
  readonly status: Status;
  readonly check: string;
  readonly finding: string;
  /** What to do; empty where nothing is. */
  readonly advice: string;
}

/** And, where it is wrong, what `doctor` ends with. */
export interface Verdict extends Finding {
  readonly exitCode: ExitCode;
}

export const ok = (check: string, finding: string): Verdict => ({
  status: 'ok',
  check,
  finding,
  advice: '',
  exitCode: EXIT.done,
});

export const warning = (check: string, finding: string, advice: string): Verdict => ({
  status: 'warning',
  check,
  finding,
  advice,
  exitCode: EXIT.done,
});

export const wrong = (check: string, finding: string, advice: string, exitCode: ExitCode = EXIT.failed): Verdict => ({
  status: 'wrong',
  check,
  finding,
  advice,
  exitCode,
});
