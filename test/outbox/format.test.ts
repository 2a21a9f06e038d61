import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeLine, encodeLine, isTombstone, recordOf } from '../../src/outbox/disk/codec.js';
import { openJournal } from '../../src/outbox/disk/open-journal.js';
import type { Journal } from '../../src/outbox/journal.js';
import { FaultDisk } from './disk/fault-disk.js';
import { HandClock } from './support/clock.js';
import { all } from './support/rig.js';

// The page of the format, read: what it shows is what the code writes and reads.

const page = readFileSync(new URL('../../src/outbox/README.md', import.meta.url), 'utf8');
const examples = new Map(
  [...page.matchAll(/^```text (\S+)\n([\s\S]*?)^```$/gm)].map(([, name, text]) => [name!, text!.trimEnd().split('\n')]),
);
const VOID = 'void';
const linesOf = (name: string): string[] => examples.get(name)!;
const contentOf = (name: string): string => linesOf(name).join('\n');

async function opened(files: FaultDisk): Promise<Journal> {
  const journal = await openJournal(
    { directory: '/outbox', minFreeBytes: 0, clock: new HandClock() },
    { disk: files.disk(), lock: async () => ({ release: async () => undefined }) },
  );
  onTestFinished(() => journal.close());
  return journal;
}

/** The calls that the page names. */
async function written(): Promise<FaultDisk> {
  const files = FaultDisk.empty();
  const clock = new HandClock();
  const journal = await openJournal(
    { directory: '/outbox', minFreeBytes: 0, clock },
    { disk: files.disk(), lock: async () => ({ release: async () => undefined }) },
  );
  await journal.startSession('5F1D', 1, 'D3B0');
  await journal.append([{ timestamp: '2026-03-15T09:00:01.000Z', bib: '1' }]);
  clock.set(5);
  await journal.append(
    [
      { timestamp: '2026-03-15T09:00:02.000Z', bib: '2' },
      { timestamp: '2026-03-15T09:00:03.500Z', bib: '3', chip: 'E280' },
    ],
    { name: 'decoder-1', position: 2048 },
  );
  const [first] = await journal.read({ max: 1, maxBytes: 1e9 });
  await journal.acknowledge(first!, { inserted: 1, requests: 1 });
  const second = await journal.read({ max: 1, maxBytes: 1e9 });
  await journal.park(second, { reason: 'rejected', status: 400, response: '{"description":"Wrong bib"}' });
  await journal.close();
  return files;
}

describe('the page of the format', () => {
  it('has an example of each file', () => {
    expect([...examples.keys()]).toEqual([
      VOID,
      '0000000000000001.log',
      'parked/0000000000000001.log',
      'ack.dat',
      'high-water.dat',
    ]);
  });

  it.each([...examples.keys()].filter((name) => name !== VOID))(
    '%s: each line is read and written as it stands',
    (name) => {
      for (const text of linesOf(name)) {
        const line = decodeLine(Buffer.from(text))!;
        expect(encodeLine(line.seq, JSON.stringify(recordOf(line)))).toBe(`${text}\n`);
      }
    },
  );

  it('shows a tombstone and a damaged range that are no lines', () => {
    const [tombstone, damaged, ...more] = linesOf(VOID).map((text) => Buffer.from(text));
    expect(more).toEqual([]);
    expect([tombstone!, damaged!].map(decodeLine)).toEqual([null, null]);
    expect([isTombstone(tombstone!), isTombstone(damaged!)]).toEqual([true, false]);
  });

  it('shows what the calls it names write, to the byte but for the boot id', async () => {
    const files = await written();
    const { boot } = recordOf<{ boot: string }>(decodeLine(Buffer.from(linesOf('0000000000000001.log')[0]!))!);
    const asOnPage = (text: string): string => {
      const line = decodeLine(Buffer.from(text))!;
      const record = recordOf<{ boot?: string | null }>(line);
      return encodeLine(line.seq, JSON.stringify('boot' in record ? { ...record, boot } : record)).trimEnd();
    };
    for (const name of ['0000000000000001.log', 'parked/0000000000000001.log']) {
      const lines = files.content(`/outbox/${name}`).toString().trimEnd().split('\n');
      expect(lines.map(asOnPage)).toEqual(linesOf(name));
    }
    const slots = files.content('/outbox/ack.dat');
    expect(slots).toHaveLength(8_192);
    expect(
      [0, 4_096].map((at) =>
        slots
          .subarray(at, at + 4_096)
          .toString()
          .trimEnd(),
      ),
    ).toEqual(linesOf('ack.dat'));
    const mark = files.content('/outbox/high-water.dat');
    expect(mark).toHaveLength(1_024);
    expect(mark.toString().trimEnd()).toBe(contentOf('high-water.dat'));
    expect(files.content('/outbox/spare').toString()).toMatch(/^ +$/);
    expect(files.content('/outbox/spare').length % 4_096).toBe(0);
  });

  it('shows a folder that opens', async () => {
    const files = FaultDisk.empty();
    const disk = files.disk();
    await disk.folder('/outbox/parked');
    for (const name of examples.keys()) {
      if (name === VOID) continue;
      const file = await disk.open(`/outbox/${name}`, 'create');
      const slot = name === 'ack.dat' ? 4_096 : name === 'high-water.dat' ? 1_024 : 0;
      const text = linesOf(name).map((line) => `${line}\n`.padEnd(slot));
      await file.write(Buffer.from(text.join('')), 0);
      await file.close();
    }
    const journal = await opened(files);
    expect([journal.session, journal.deviceid, journal.nextNumber('5F1D')]).toEqual(['5F1D', 'D3B0', 4]);
    expect(journal.position('decoder-1')).toBe(2_048);
    expect(journal.stats()).toMatchObject({ appended: 3, delivered: 1, parked: 1, pending: 1 });
    expect(await journal.read({ max: 9, maxBytes: 1e9 })).toMatchObject([
      { seq: 3, num_passing: 3, passing: { timestamp: '2026-03-15T09:00:03.500Z', bib: '3', chip: 'E280' } },
    ]);
    expect((await all(journal.parked())).flat()).toMatchObject([
      { seq: 2, num_passing: 2, reason: 'rejected', status: 400 },
    ]);
    expect(journal.found).toEqual({ records: 0, tornBytes: 0, corruptRecords: 0 });
  });

  it('names tests that there are', () => {
    const named = [...page.matchAll(/\| `((?:disk\/)?[\w-]+\.test\.ts)`: (.+) \|$/gm)];
    expect(named.length).toBeGreaterThan(12);
    for (const [, file, title] of named) {
      expect(readFileSync(new URL(file!, import.meta.url), 'utf8'), file).toContain(title!);
    }
  });
});
