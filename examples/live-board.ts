// A board for the announcer: the last crossings and the count at each checkpoint, as they come, all devices at once.
// Counts and cursors are kept in a file: stop it, start it again, and it goes on where it was.
//
//     npx tsx examples/live-board.ts                                     a race of some seconds, on a sandbox
//     npx tsx examples/live-board.ts --live --device ID --device ID      your devices, until Ctrl-C
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Device, RufusAbortError, RufusClient } from 'rufus-client';
import { SimulatedRace } from '../src/simulation/simulated-race.js';
import { Board } from './live-board/board.js';
import { Standings } from './live-board/standings.js';
import { openTarget } from './support/target.js';

const { values } = parseArgs({
  options: {
    live: { type: 'boolean', default: false },
    device: { type: 'string', multiple: true, default: [] },
    cursors: { type: 'string' },
  },
});

await using target = await openTarget();
await using client = new RufusClient(target.options);

if (values.live) {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const devices = await Promise.all(values.device.map((deviceid) => client.devices.get(deviceid)));
  if (devices.length === 0) for await (const device of client.devices.list()) devices.push(device);
  (await watch(devices, values.cursors ?? 'live-board.json', stop)).end();
} else {
  await demonstrate();
}

/** Follows each device until `stop`, or until `isEnough` says so. */
async function watch(
  devices: readonly Device[],
  file: string,
  stop: AbortController,
  isEnough: (board: Board) => boolean = () => false,
): Promise<Board> {
  const standings = new Standings(file);
  const nameOf = ({ alias, deviceid }: Device) => alias || deviceid.slice(0, 8);
  const board = new Board(devices.map((device) => [nameOf(device), standings.countOf(device.deviceid)]));

  const outcomes = await Promise.allSettled(
    devices.map(async (device) => {
      const { deviceid } = device;
      const cursor = standings.cursorOf(deviceid);
      try {
        for await (const batch of client.passings.follow(deviceid, { cursor, signal: stop.signal })) {
          standings.record(deviceid, batch);
          board.take(nameOf(device), batch.passings);
          if (isEnough(board)) stop.abort();
        }
      } catch (error) {
        // One that cannot go on ends the others, too: a board that misses a checkpoint would lie.
        stop.abort();
        if (!(error instanceof RufusAbortError)) throw error;
      }
    }),
  );
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return board;
}

/** A race during which the board is switched off for a while. */
async function demonstrate(): Promise<void> {
  const race = await SimulatedRace.prepare(client, 800);
  const devices = await Promise.all(race.deviceids.map((deviceid) => client.devices.get(deviceid)));
  const file = values.cursors ?? join(mkdtempSync(join(tmpdir(), 'live-board-')), 'cursors.json');
  console.log(`${devices.length} devices, on ${target.name}\n`);

  const firstRun = new AbortController();
  let counted = 0;
  let watching = watch(devices, file, firstRun);
  await race.run(async (share) => {
    if (share < 0.4 || firstRun.signal.aborted) return;
    firstRun.abort();
    counted = (await watching).total;
  });
  watching = watch(devices, file, new AbortController(), ({ total }) => total >= race.total);
  const board = await watching;
  board.end();
  console.log(`
switched off after ${counted.toLocaleString('en')} crossings, and on again at the end of the race
${board.total.toLocaleString('en')} of ${race.total.toLocaleString('en')} crossings counted`);
  if (board.total !== race.total) process.exitCode = 1;
}
