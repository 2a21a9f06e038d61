import { EXIT, type ExitCode } from './exit-codes.js';

/** Ends the command: one line that says what happened and what to do, and the exit code. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT.failed) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}

/** The command line, or what it names, cannot be used as it is. */
export const misuse = (message: string): CommandError => new CommandError(message, EXIT.misuse);
