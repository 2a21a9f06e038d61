import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RufusRequestValidationError } from 'rufus-client';
import { OutboxBusyError, OutboxFullError } from 'rufus-client/outbox';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { IntakeEvents } from '../../../src/cli/forward/intake.js';
import { LineSplitter } from '../../../src/cli/records/lines.js';
import { RecordReader, recordFormat } from '../../../src/cli/records/reader.js';
import { Taker } from './support/taker.js';

const TIME = '2024-04-21T09:30:00.000Z';

async function taking(events: Partial<IntakeEvents> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'rufus-intake-'));
  const taker = new Taker(folder);
  const stop = new AbortController();
  const { intake, rejected } = await taker.intake(stop.signal, events);
  onTestFinished(async () => {
    await rejected.close();
    rmSync(folder, { recursive: true });
  });
  const reader = new RecordReader(await recordFormat({ columns: ['bib', 'timestamp'] }));
  const read = (...bibs: string[]) =>
    intake.read(new LineSplitter().push(Buffer.from(bibs.map((bib) => `${bib},${TIME}\n`).join(''))), reader);
  return { taker, stop, intake, rejected, read };
}

const full = () => new OutboxFullError('Full.', { usedBytes: 1, freeBytes: 0 });
const busy = () => new OutboxBusyError('Busy.', { pendingBytes: 1 });

describe('the intake', () => {
  it('tries again while there is no room, and tells once', async () => {
    const told: (string | undefined)[] = [];
    const { taker, intake, read } = await taking({ waiting: (cause) => told.push(cause?.message) });
    let refusals = 0;
    taker.refuse = () => (++refusals > 3 ? undefined : busy());
    const lists = [read('1', '2'), read('3')];
    const outcomes = await Promise.all(lists.map((lines) => intake.store('x', lines)));
    expect(outcomes.flat().sort()).toEqual([1, 2, 3]);
    expect(told).toEqual(['Busy.', undefined]);
    expect(intake.counts).toEqual({ read: 3, rejected: 0 });
  });

  it('takes nothing where it is told to stop meanwhile', async () => {
    const { taker, stop, intake, read } = await taking();
    taker.refuse = full;
    const storing = intake.store('x', read('1'));
    stop.abort();
    await expect(storing).rejects.toMatchObject({ name: 'AbortError' });
    expect(taker.bibs).toEqual([]);
  });

  it('waits for room for what is rejected, too', async () => {
    const { intake, rejected, read } = await taking();
    let refusals = 0;
    const write = rejected.write.bind(rejected);
    rejected.write = async (lines) => {
      if (++refusals === 1) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      return write(lines);
    };
    expect(await intake.store('x', read(''))).toEqual(['bib: missing']);
    expect(refusals).toBe(2);
  });

  it('rejects the line that the outbox refuses after all, and takes the others', async () => {
    const { taker, intake, read } = await taking();
    taker.refuse = (list) => {
      const index = list.findIndex(({ bib }) => bib === '2');
      const issues = [{ path: ['passings', index, 'bib'], message: 'is nobody' }];
      return index === -1 ? undefined : new RufusRequestValidationError('Refused.', { issues });
    };
    expect(await intake.store('x', read('1', '2', '', '3'))).toEqual([1, 'bib: is nobody', 'bib: missing', 2]);
    expect(taker.bibs).toEqual(['1', '3']);
    const entries = readFileSync(taker.rejectedPath, 'utf8')
      .trimEnd()
      .split('\n')
      .map((entry) => JSON.parse(entry));
    expect(entries.map(({ source, reason }) => [source, reason])).toEqual([
      ['x', 'bib: missing'],
      ['x', 'bib: is nobody'],
    ]);
  });

  it('hands on what else goes wrong', async () => {
    const { taker, intake, read } = await taking();
    taker.refuse = () => new Error('EIO');
    await expect(intake.store('x', read('1'))).rejects.toThrow('EIO');
  });

  it('writes nothing where there is nothing to write', async () => {
    const { taker, intake } = await taking();
    taker.refuse = () => new Error('not called');
    expect(await intake.store('x', [])).toEqual([]);
  });
});
