import type { PassingInput } from 'rufus-client';
import type { RecordedPassing } from '../records/fields.js';
import { readRecords } from '../records/import.js';
import type { RecordFormat } from '../records/reader.js';
import { type Held, identityOf } from './held.js';
import type { InputFile } from './input-file.js';

/** A record that is to be sent. */
export interface Sendable {
  /** Of the file, from 1. */
  readonly line: number;
  readonly passing: PassingInput;
}

/** What has been found in the file so far. */
export interface Findings {
  /** Records to be sent. */
  toSend: number;
  /** Records that the session holds already, or that the file has twice, word for word. */
  alreadyThere: number;
  /** Records whose number is another passing in the session. */
  conflicts: number;
  /** Records that cannot be used. */
  bad: number;
  /** Whether records bring their numbers; undefined before the first. */
  numbered: boolean | undefined;
}

export interface SendableOptions {
  readonly file: InputFile;
  readonly format: RecordFormat;
  /** The number of the first record, where records bring none. */
  readonly firstNumber: number;
  /** Of the session. */
  readonly held: Held;
  /** Told of each record that is not to be sent, and need not be there. */
  readonly complain: (line: number, reason: string) => void;
}

export const noFindings = (): Findings => ({ toSend: 0, alreadyThere: 0, conflicts: 0, bad: 0, numbered: undefined });

/**
 * The records that are to be sent, each with its number: its own, or one by its place among the records, good and bad ones, so
 * that mending a line moves no other.
 */
export async function* sendable(
  { file, format, firstNumber, held, complain }: SendableOptions,
  findings: Findings,
): AsyncGenerator<Sendable, void, undefined> {
  /** The file's own, by number. */
  const seen = new Map<number, string>();
  let place = 0;
  for await (const { line, passing: recorded, reason } of readRecords(file.bytes(), format)) {
    const number = firstNumber + place++;
    if (recorded === undefined) {
      findings.bad++;
      complain(line, reason);
      continue;
    }
    const fault = numberingFault(recorded, findings);
    if (fault !== undefined) {
      findings.bad++;
      complain(line, fault);
      continue;
    }
    const passing = { ...recorded, num_passing: recorded.num_passing ?? number };
    const { num_passing } = passing;
    const identity = identityOf(passing);
    const [inFile, inSession] = [seen.get(num_passing), held.get(num_passing)];
    seen.set(num_passing, inFile ?? identity);
    if (inFile !== undefined && inFile !== identity) {
      findings.bad++;
      complain(line, `num_passing ${num_passing} stands further above, with another passing`);
    } else if (inSession !== undefined && inSession !== identity) {
      findings.conflicts++;
      complain(line, `num_passing ${num_passing} is another passing in the session`);
    } else if (inFile !== undefined || inSession !== undefined) {
      findings.alreadyThere++;
    } else {
      findings.toSend++;
      yield { line, passing };
    }
  }
}

/** All records bring numbers, or none does. */
function numberingFault({ num_passing }: RecordedPassing, findings: Findings): string | undefined {
  const isNumbered = num_passing !== undefined;
  findings.numbered ??= isNumbered;
  if (isNumbered === findings.numbered) return undefined;
  return isNumbered ? 'has a num_passing, and the first record has none' : 'num_passing: missing';
}
