import { parseArgs } from 'node:util';
import type { SandboxOptions } from 'rufus-client/testing';

export interface ProbeOptions {
  readonly live: boolean;
  /** Do not ask before writing. */
  readonly yes: boolean;
  /** How long an idle connection is watched at most; 0 leaves that question out. */
  readonly idleSeconds: number;
  /** The device to bind: a server may know only some types. */
  readonly type: string;
  readonly model: string;
  readonly sandbox: SandboxOptions;
}

export const USAGE = `Finds out what the RUFUS Cloud documentation leaves open, and prints a report in Markdown.

Usage: npx tsx examples/probe.ts [--live] [options]

Without --live it asks a sandbox, whose dialect may be chosen:
  --envelope spec|flat  --coordinates string|number  --end-of-pages empty|absent|404
  --bind-conflict deviceid|bare  --duplicates number|none  --unknown-key 403|401

With --live it asks the server of RUFUS_BASE_URL (default: the real one) with the key in RUFUS_API_KEY, which needs
READ_WRITE access. It binds a device of its own, opens two sessions and sends a dozen passings; the device is unbound at
the end if the key may do that.
  --yes             Do not ask before writing.
  --idle-seconds N  Watch an idle connection for at most N seconds. Default 30; 0 leaves it out.
  --type, --model   Of the device. Default reader, probe.`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

/** Ends the process with a message where the arguments make no sense. */
export function readOptions(args: readonly string[]): ProbeOptions | 'help' {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...{ live: flag, yes: flag, help: flag, 'idle-seconds': text, type: text, model: text },
        ...{ envelope: text, coordinates: text, 'end-of-pages': text, 'bind-conflict': text, duplicates: text },
        'unknown-key': text,
      },
    });
    if (values.help === true) return 'help';
    const idleSeconds = Number(values['idle-seconds'] ?? 30);
    if (!(idleSeconds >= 0 && idleSeconds <= 3_600)) throw new RangeError('--idle-seconds must lie between 0 and 3600');
    return {
      live: values.live === true,
      yes: values.yes === true,
      idleSeconds,
      type: values.type ?? 'reader',
      model: values.model ?? 'probe',
      // The sandbox itself checks the words.
      sandbox: {
        envelope: values.envelope,
        coordinates: values.coordinates,
        endOfPages: values['end-of-pages'],
        bindConflict: values['bind-conflict'],
        duplicates: values.duplicates,
        ...(values['unknown-key'] !== undefined && { unknownKey: Number(values['unknown-key']) }),
      } as SandboxOptions,
    };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exit(2);
  }
}
