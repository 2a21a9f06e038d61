import { redact } from '../core/redact.js';

/** The message of the last failure of this process, whatever came after it. */
export class LastError {
  message: string | null = null;

  note(error: unknown): void {
    this.message = messageOf(error);
  }
}

export function messageOf(error: unknown): string {
  return redact(error instanceof Error ? error.message : String(error));
}
