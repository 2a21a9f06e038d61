import { createHash } from 'node:crypto';

/**
 * What a fleet is called in NATS. Ids of devices and boxes are encoded: a subject must not hold blanks, `*` and `>`, and its
 * tokens no dot.
 */
export class Names {
  constructor(readonly fleet: string) {}

  /** What the readers store. */
  get stream(): string {
    return `${this.fleet}-in`;
  }
  /** Where each device stands. */
  get cursors(): string {
    return `${this.fleet}-cursors`;
  }
  /** Which workers live, and what they follow. */
  get workers(): string {
    return `${this.fleet}-workers`;
  }
  /** What boxes report. Not a bucket: a leaf node lets nothing of `$KV` through. */
  get boxes(): string {
    return `${this.fleet}-boxes`;
  }
  report(box: string): string {
    return `${this.fleet}.box.${encoded(box)}`;
  }
  get allReports(): string {
    return `${this.fleet}.box.*`;
  }
  batches(deviceid: string): string {
    return `${this.fleet}.in.${encoded(deviceid)}.${laneOf(deviceid)}`;
  }
  get allBatches(): string {
    return `${this.fleet}.in.*.*`;
  }
  lane(lane: number): string {
    return `${this.fleet}.in.*.${lane}`;
  }
  /** A filter of this device only. Not its very subject: see {@link Lanes}. */
  lanesOf(deviceid: string): string {
    return `${this.fleet}.in.${encoded(deviceid)}.*`;
  }
  calls(box: string): string {
    return `${this.fleet}.call.${encoded(box)}`;
  }
  callsFor(worker: string, box = '*'): string {
    return `${this.fleet}.call.${box === '*' ? box : encoded(box)}.${worker}`;
  }
  get allCalls(): string {
    return `${this.fleet}.call.*`;
  }
}

/** A consumer handles so many batches at once, those of a device one after the other. Part of what is stored: it can never change. */
export const LANES = 16;

function laneOf(deviceid: string): number {
  return createHash('sha256').update(deviceid).digest()[0]! % LANES;
}

/** Longer ones are told apart by their hash: a server refuses very long subjects and file names. */
const LONGEST = 120;

/** Letters, digits and `-` stand for themselves, any other byte of UTF-8 is `=` and two hex digits. */
export function encoded(id: string): string {
  const text = id.replace(/[^A-Za-z0-9-]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `=${byte.toString(16).padStart(2, '0')}`).join(''),
  );
  return text.length <= LONGEST ? text : `==${createHash('sha256').update(id).digest('hex')}`;
}

/** What {@link encoded} made of it; undefined for a hash. */
export function decoded(token: string): string | undefined {
  if (token.startsWith('==')) return undefined;
  const bytes = token.match(/=[0-9a-f]{2}|[^=]/g) ?? [];
  return Buffer.concat(
    bytes.map((part) => (part.startsWith('=') ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part))),
  ).toString();
}
