import { styleText } from 'node:util';
import { type RufusClient, RufusError, VERSION } from 'rufus-client';
import { accessOf, inWords } from '../access.js';
import { CommandError } from '../command-error.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { failureOf } from '../failure.js';
import { type Format, type FormatOptions, recordWriter } from '../output/formats.js';
import { stdout } from '../output/stdout.js';
import { judgeDisk } from './disk.js';
import { type Finding, ok, type Status, type Verdict, warning, wrong } from './finding.js';
import { judgeClock, judgeTrips, series, trip } from './round-trips.js';
import { judgeProxy, judgeTls } from './way.js';

export interface DoctorOptions extends FormatOptions {
  readonly device?: string;
  readonly outbox?: string;
}

const DEFAULT_URL = 'https://api.runonrufus.com/v0';
const LOW_BATTERY = 20;
const COLORS: Readonly<Record<Status, 'green' | 'yellow' | 'red'>> = { ok: 'green', warning: 'yellow', wrong: 'red' };
const FIELDS = ['status', 'check', 'finding', 'advice'] as const;

/** Looks at everything between this machine and RUFUS Cloud. Changes nothing on the account. */
export async function doctor(context: Context, options: DoctorOptions): Promise<void> {
  const print = printer(context, options.json === true ? 'jsonl' : (options.format ?? 'table'));
  for await (const verdict of verdicts(context, options)) {
    await print(verdict);
    if (verdict.status === 'wrong') context.exitCode ??= verdict.exitCode;
  }
}

/** What cannot be found out once the one before is wrong is left out. */
async function* verdicts(context: Context, { device, outbox }: DoctorOptions): AsyncGenerator<Verdict, void> {
  const { options, signal } = context;
  yield ok('versions', `rufus ${VERSION}, Node ${process.versions.node}, ${process.platform} ${process.arch}`);
  yield await judgeDisk(outbox);
  yield judgeProxy(options.proxy, process.env);
  let key: Awaited<ReturnType<Context['key']>>;
  let client: RufusClient;
  try {
    key = await context.key();
    client = (await context.client()).withOptions({ logLevel: options.logLevel ?? 'off' });
  } catch (error) {
    return yield failed('key', error);
  }
  yield ok('key', `from ${key.origin}`);
  const url = new URL(options.baseUrl ?? process.env.RUFUS_BASE_URL ?? key.baseUrl ?? DEFAULT_URL);
  const tls = await judgeTls(url, options.proxy !== undefined);
  yield tls;
  if (tls.status === 'wrong') return;
  try {
    const first = await trip(client, signal);
    yield ok('server', `${url.origin} answers, the first time after ${Math.round(first.answeredAt - first.sentAt)} ms`);
  } catch (error) {
    return yield failed('server', error);
  }
  const { trips, lost } = await series(client, signal);
  yield judgeTrips({ trips, lost });
  yield judgeClock(trips);
  yield await judgeAccess(client, signal);
  if (device !== undefined) yield await judgeDevice(client, device, signal);
}

async function judgeAccess(client: RufusClient, signal: AbortSignal): Promise<Verdict> {
  try {
    const access = await accessOf(client, signal);
    const found = `the key may ${inWords(access)}`;
    if (!access.read && !access.write) {
      return wrong(
        'permissions',
        'the API refuses the key',
        'Check it, or ask for a new one: rufus login',
        EXIT.keyRefused,
      );
    }
    if (access.read && access.write) return ok('permissions', found);
    const missing = access.read ? 'send passings' : 'read them back';
    return warning('permissions', found, `Where this machine is to ${missing}, use a key of the type READ_WRITE.`);
  } catch (error) {
    return failed('permissions', error);
  }
}

async function judgeDevice(client: RufusClient, deviceid: string, signal: AbortSignal): Promise<Verdict> {
  try {
    const device = await client.devices.get(deviceid, { signal });
    const active = await client.sessions.getActive(deviceid, { signal });
    const { alias, model, battery_percentage: battery, last_seen } = device;
    const session =
      active === null
        ? 'no active session'
        : `session ${active.alias || 'without a name'} with ${active.passings ?? '?'} passings`;
    const found = [`${alias || model || 'unnamed'}`, session, `last seen ${last_seen ?? 'never'}`];
    if (typeof battery === 'number') found.push(`battery ${battery} %`);
    const words = found.join(', ');
    if (active === null)
      return warning('device', words, `Open a session before the race: rufus sessions create ${deviceid}`);
    if (typeof battery === 'number' && battery < LOW_BATTERY) return warning('device', words, 'Charge it.');
    return ok('device', words);
  } catch (error) {
    return failed('device', error);
  }
}

function failed(check: string, error: unknown): Verdict {
  if (error instanceof CommandError) return wrong(check, error.message, '', error.exitCode);
  if (!(error instanceof RufusError) || error.code === 'aborted') throw error;
  const { exitCode, message } = failureOf(error);
  return wrong(check, message, '', exitCode);
}

/** For people it is a list, on a terminal and elsewhere: it goes into mails. */
function printer(context: Context, format: Format): (verdict: Verdict) => Promise<void> {
  const hasColor = process.stdout.isTTY === true && context.screen.hasColor;
  const say = (text: string) => stdout.write(context.withoutKey(text));
  if (format === 'table') {
    return async ({ status, check, finding, advice }) => {
      const word = hasColor ? styleText(COLORS[status], status.padEnd(7)) : status.padEnd(7);
      await say(`${word}  ${check}: ${finding}\n${advice === '' ? '' : `         ${advice}\n`}`);
    };
  }
  const writer = recordWriter<Finding>(format, { all: FIELDS, table: FIELDS }, context);
  let { head } = writer;
  return async ({ status, check, finding, advice }) => {
    await say(head + writer.chunk([{ status, check, finding, advice }]));
    head = '';
  };
}
