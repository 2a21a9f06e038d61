// What waits for the disk when the first runner comes after a quiet time.
import { describe, expect, it } from 'vitest';
import { openJournal } from '../../src/outbox/disk/open-journal.js';
import { FaultDisk } from './disk/fault-disk.js';
import { runner, scripted } from './support/rig.js';

const MINUTE_MS = 60_000;

async function counted(segmentBytes?: number) {
  const files = FaultDisk.empty();
  let synced: string[] = [];
  files.fault = ({ kind, path }) => {
    if (kind === 'datasync' || kind === 'syncFolder') synced.push(path.replace(/\.new$/, ''));
    return undefined;
  };
  const { outbox, clock } = await scripted(
    { directory: '/outbox', minFreeBytes: 0 },
    {
      openJournal: (options) =>
        openJournal(options, {
          disk: files.disk(),
          lock: async () => ({ release: async () => undefined }),
          segmentBytes,
        }),
    },
  );
  await outbox.append(runner(1));
  await clock.pass(1_000);
  expect(outbox.stats()).toMatchObject({ state: 'idle', delivered: 1 });
  return {
    outbox,
    clock,
    /** What is synced meanwhile. */
    async syncs(work: () => Promise<unknown>): Promise<string[]> {
      synced = [];
      await work();
      return synced;
    },
  };
}

describe('after a minute without a read', () => {
  it('nothing was synced', async () => {
    const { clock, syncs } = await counted();
    expect(await syncs(() => clock.pass(MINUTE_MS))).toEqual([]);
  });

  it('the first append waits for one sync, and its delivery adds that of the checkpoint', async () => {
    const { outbox, clock, syncs } = await counted();
    await clock.pass(MINUTE_MS);
    expect(await syncs(() => outbox.append(runner(2)))).toEqual(['/outbox/0000000000000001.log']);
    expect(await syncs(() => clock.pass(1_000))).toEqual(['/outbox/ack.dat']);
    expect(outbox.stats()).toMatchObject({ state: 'idle', delivered: 2 });
  });

  it('one that begins a segment waits for two: the file and its name', async () => {
    const { outbox, clock, syncs } = await counted(1);
    await clock.pass(MINUTE_MS);
    expect(await syncs(() => outbox.append(runner(2)))).toEqual(['/outbox/0000000000000002.log', '/outbox']);
  });
});
