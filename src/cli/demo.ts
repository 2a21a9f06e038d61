import { once } from 'node:events';
import type { PassingInput, RufusClient } from 'rufus-client';
import { CommandError } from './command-error.js';
import type { Context } from './context.js';
import { EXIT } from './exit-codes.js';
import { Progress, shown } from './output/progress.js';
import { stdout } from './output/stdout.js';
import { environmentLines, startSandbox } from './sandbox.js';

export interface DemoOptions {
  readonly keep?: boolean;
  readonly port?: number;
  readonly runners: number;
}

const START_MS = Date.UTC(2026, 4, 3, 7, 30);
const CHECKPOINTS = [
  { alias: 'Start', km: 0 },
  { alias: '5K', km: 5 },
  { alias: 'Finish', km: 10 },
];

/** A race of three checkpoints on a sandbox: devices bound, sessions opened, passings sent and read back. */
export async function demo(context: Context, { keep, port, runners }: DemoOptions): Promise<void> {
  const served = await startSandbox({ port });
  try {
    const client = await context.makeClient({ apiKey: served.keys.readWrite }, { baseUrl: served.url });
    const progress = new Progress(context.screen, 'Racing', runners * CHECKPOINTS.length);
    const mats: { alias: string; deviceid: string; token_session: string }[] = [];
    for (const [index, { alias, km }] of CHECKPOINTS.entries()) {
      const crossings = crossingsAt(km, runners);
      const mat = await race(client, alias, crossings, {
        ...context.call,
        onProgress: ({ sent }) => progress.at(index * runners + sent),
      });
      mats.push({ alias, ...mat });
    }
    await client.close();
    context.screen.clearStatus();
    const total = runners * CHECKPOINTS.length;
    await stdout.write(`# A race on the RUFUS sandbox: ${shown(total)} passings of ${shown(runners)} runners, sent and read back.
${environmentLines(served)}
${mats.map(({ alias, deviceid, token_session }) => `# ${alias}\n#   device   ${deviceid}\n#   session  ${token_session}\n`).join('')}
# With the two lines of "export", in another terminal:
#   rufus devices list
#   rufus passings export --session ${mats.at(-1)!.token_session} -o finish.csv
#   rufus passings tail ${mats.at(-1)!.deviceid} --from-start
#
# ${keep === true ? 'Ctrl-C ends it, and what it holds is gone.' : 'It ends here. To go on with it: rufus demo --keep'}
`);
    if (keep === true && !context.signal.aborted) await once(context.signal, 'abort');
    context.exitCode = EXIT.done;
  } finally {
    await served.close();
  }
}

/** Sends what a mat has read, and reads it back. */
async function race(
  client: RufusClient,
  alias: string,
  crossings: readonly PassingInput[],
  options: Parameters<RufusClient['passings']['insertMany']>[2],
): Promise<{ deviceid: string; token_session: string }> {
  const device = { type: 'reader', model: 'demo', serial_number: `demo-${alias}`, alias };
  const { deviceid } = await client.devices.ensureBound(device);
  const { token_session } = await client.sessions.create({ deviceid, alias });
  await client.passings.insertMany(token_session, crossings, options);
  let index = 0;
  for await (const { num_passing, bib, timestamp } of client.passings.listBySession(token_session)) {
    const sent = crossings[index++];
    if (sent?.num_passing !== num_passing || sent.bib !== bib || sent.timestamp !== timestamp) {
      throw new CommandError(`${alias}: passing ${num_passing} is not as it was sent.`);
    }
  }
  if (index !== crossings.length)
    throw new CommandError(`${alias}: ${index} of ${crossings.length} passings came back.`);
  return { deviceid, token_session };
}

/** In the order of time. A runner keeps a pace between 3:00 and 8:00 minutes a kilometre, and starts within five minutes. */
function crossingsAt(km: number, runners: number): PassingInput[] {
  const times = Array.from({ length: runners }, (_, index) => {
    const share = ((index * 7_919) % runners) / runners;
    const startMs = share * 300_000;
    return { bib: String(index + 1), atMs: START_MS + startMs + km * (180_000 + share * 300_000) };
  });
  times.sort((a, b) => a.atMs - b.atMs);
  return times.map(({ bib, atMs }, index) => ({
    num_passing: index + 1,
    bib,
    chip: `DEMO${bib.padStart(5, '0')}`,
    timestamp: new Date(atMs).toISOString(),
  }));
}
