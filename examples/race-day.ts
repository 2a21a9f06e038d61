// A whole race day: a device at each checkpoint sends what its mat reads through an outbox, and everything is read back and compared.
//
//     npm run demo                               a made-up field, on a sandbox of its own
//     npm run demo -- --chaos                    while everything goes wrong that can
//     npm run demo -- --fleet                    boxes without a key, over three NATS servers, of which one is killed
//     npm run demo -- --splits splits.csv.gz     a field from a file
import { parseArgs } from 'node:util';
import { RufusClient } from 'rufus-client';
import { TIMEZONE } from '../src/simulation/course.js';
import { generateField, Random } from '../src/simulation/field.js';
import { type Recording, recordRace } from '../src/simulation/recording.js';
import { readBack, startDevice } from './race-day/device.js';
import { RaceDayFleet } from './race-day/fleet.js';
import { NatsServers } from './race-day/nats-servers.js';
import { sendAll, sendAllThroughChaos } from './race-day/sending.js';
import { readSplits } from './race-day/splits-file.js';
import { checkpointTable, complaint, count, listed, total } from './race-day/summary.js';
import { Progress } from './support/progress.js';
import { openTarget } from './support/target.js';

const HELP = `A marathon, from the chip reads of ten checkpoints to a table that a timer would read.

Usage: npm run demo -- [options]

  --runners N     Size of the made-up field. Default 5000.
  --seed N        Another field. Default 1.
  --splits FILE   A field from a file (.csv or .csv.gz), its crossings one read each.
  --chaos         The link breaks and crawls, answers get lost, portals and gateways lie, devices are killed and restarted.
  --fleet         Boxes without a key: three NATS servers, readers, gateways and a database, some of them killed. Needs nats-server.
  --live          On the account of RUFUS_API_KEY instead of a sandbox. Binds devices and opens sessions there.
  --help

Ends with 1 where what is read back is not what was sent.`;

const OK = 0;
const FAILED = 1;
const MISUSED = 2;

async function main(): Promise<number> {
  const { help, runners, seed, splits, chaos, fleet: wantsFleet } = readArguments();
  if (help) {
    console.log(HELP);
    return OK;
  }
  const random = new Random(seed);
  const recordings = await race(runners, random, splits);
  const reads = recordings.reduce((sum, { passings }) => sum + passings.length, 0);

  await using target = await openTarget();
  await using client = new RufusClient(target.options);
  console.log(`${recordings.length} devices, ${count(reads)} reads, on ${target.name}\n`);
  await using fleet = wantsFleet ? await RaceDayFleet.start(target) : undefined;
  const clients = await Promise.all(recordings.map((recording) => fleet?.clientOf(recording) ?? client));
  const devices = await Promise.all(recordings.map((recording, index) => startDevice(clients[index]!, recording)));

  const sending = new Progress('sending     ', reads);
  const sendStarted = performance.now();
  const onDelivered = (delivered: number): void => sending.add(delivered);
  const { outboxes, mishaps } = fleet
    ? await fleet.sendAll(devices, clients, onDelivered)
    : chaos
      ? await sendAllThroughChaos(target, devices, random, onDelivered)
      : await sendAll(client, devices, onDelivered);
  const sendS = (performance.now() - sendStarted) / 1000;
  sending.end();

  const reading = new Progress('reading back', reads);
  const readStarted = performance.now();
  const outcomes = await Promise.all(devices.map((device) => readBack(client, device, () => reading.add(1))));
  const readS = (performance.now() - readStarted) / 1000;
  reading.end();

  const results = (await fleet?.results(devices)) ?? [];
  await Promise.all(devices.map(({ token_session }) => client.sessions.close(token_session)));

  const { delivered, parked, duplicates, requests, retries } = total(outboxes);
  const back = outcomes.reduce((sum, { tally }) => sum + tally.reads, 0);
  console.log(`${checkpointTable(outcomes)}\n(times of day in ${TIMEZONE})`);
  console.log(`
sent       ${count(delivered)} in ${count(requests)} requests, ${sendS.toFixed(1)} s: ${count(Math.round(delivered / sendS))} a second
sent again ${count(duplicates)}, in ${count(retries)} retries; ${count(parked)} parked
read back  ${count(back)} in ${readS.toFixed(1)} s: ${count(Math.round(back / readS))} a second`);
  if (chaos || fleet) console.log(`\nSurvived:\n${listed(mishaps)}`);

  const complaints = [
    ...outcomes.flatMap((outcome) => complaint(outcome) ?? []),
    ...results.flatMap((result) => complaint(result) ?? []).map((line) => `in the database of results, ${line}`),
  ];
  if (complaints.length === 0) {
    console.log('\nComplete: every read that was sent came back, once and unchanged.');
    return OK;
  }
  console.log(`\nNOT COMPLETE\n${complaints.map((line) => `  ${line}`).join('\n')}`);
  return FAILED;
}

async function race(runners: number, random: Random, splits: string | undefined): Promise<Recording[]> {
  if (splits !== undefined) return recordRace(await readSplits(splits), () => 1, random);
  return recordRace(generateField(runners, random), () => (random.chance(0.6) ? 1 : 2 + random.below(3)), random);
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      runners: { type: 'string', default: '5000' },
      seed: { type: 'string', default: '1' },
      splits: { type: 'string' },
      chaos: { type: 'boolean', default: false },
      fleet: { type: 'boolean', default: false },
      live: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { help, splits, chaos, fleet, live } = values;
  if ([chaos, fleet, live].filter(Boolean).length > 1) {
    throw new RangeError('--chaos and --fleet are for the sandbox, each by itself: leave out --live.');
  }
  if (fleet && !NatsServers.areThere) {
    throw new RangeError(
      '--fleet needs nats-server: install it (Debian: apt-get install nats-server), or name one in NATS_SERVER.',
    );
  }
  return {
    help,
    splits,
    chaos,
    fleet,
    runners: wholeNumber('runners', values.runners, 1),
    seed: wholeNumber('seed', values.seed, 0),
  };
}

function wholeNumber(option: string, text: string, min: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= min && text !== '') return value;
  throw new RangeError(`--${option} must be a whole number of at least ${min}, not ${text}.`);
}

// At once: what this process started ends with it.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => process.exit(code));
}
try {
  process.exitCode = await main();
} catch (error) {
  const { message, code = '' } = error as { message: string; code?: string };
  const misused = error instanceof RangeError || code.startsWith('ERR_PARSE_ARGS');
  console.error(`race-day: ${message}${misused ? '\nSee npm run demo -- --help' : ''}`);
  // The other devices would go on for ever: that is what an outbox is for.
  process.exit(misused ? MISUSED : FAILED);
}
