import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openJournal } from '../../src/outbox/disk/open-journal.js';
import { exportHistory } from '../../src/outbox/export.js';
import type { Journal } from '../../src/outbox/journal.js';
import { passingOf } from './disk/race.js';
import { tempFolder } from './support/rig.js';

const LISTS = 100;
const SIZE = 200;

async function filled(session: string): Promise<Journal> {
  const journal = await openJournal({ directory: await tempFolder(), minFreeBytes: 0 });
  onTestFinished(() => journal.close());
  await journal.startSession(session);
  const lists = Array.from({ length: LISTS }, (_, i) =>
    Array.from({ length: SIZE }, (_, n) => passingOf(i * SIZE + n)),
  );
  await Promise.all(lists.map((list) => journal.append(list)));
  return journal;
}

it('of several at once to one file, each is whole, and the last one wins', async () => {
  const [one, two] = await Promise.all([filled('ONE'), filled('TWO')]);
  const folder = await tempFolder();
  const file = join(folder, 'backup');
  for (let round = 0; round < 2; round++) {
    const counts = await Promise.all([
      exportHistory(one, file),
      exportHistory(two, file),
      exportHistory(one, file, { format: 'csv' }),
      exportHistory(one, file),
    ]);
    expect(counts).toEqual(Array(4).fill(LISTS * SIZE));
    expect(await readdir(folder)).toEqual(['backup']);
    const text = await readFile(file, 'utf8');
    expect(text).not.toContain('\0');
    const lines = text.trimEnd().split(/\r?\n(?=[{P])/);
    if (text.startsWith('__typename')) {
      expect(lines).toHaveLength(LISTS * SIZE + 1);
    } else {
      const rows = lines.map((line) => JSON.parse(line) as { num_passing: number; token_session: string });
      expect(rows.map(({ num_passing }) => num_passing)).toEqual(Array.from(rows, (_, n) => n + 1));
      expect(rows).toHaveLength(LISTS * SIZE);
      expect(new Set(rows.map(({ token_session }) => token_session)).size).toBe(1);
    }
  }
}, 60_000);

it('removes what a killed export has left, once it can be none that is still written, and nothing else', async () => {
  const journal = await filled('ONE');
  const folder = await tempFolder();
  const hourAgo = Date.now() / 1e3 - 3_700;
  const names = [
    ['backup.0123456789ab.part', hourAgo, false],
    ['backup.ba9876543210.part', Date.now() / 1e3 - 3_000, true],
    ['backup.part', hourAgo, true],
    ['backup.2.0123456789ab.part', hourAgo, true],
    ['other.0123456789ab.part', hourAgo, true],
    ['backup.0123456789ab.parts', hourAgo, true],
  ] as const;
  for (const [name, at] of names) {
    await writeFile(join(folder, name), 'half of a');
    await utimes(join(folder, name), at, at);
  }
  await exportHistory(journal, join(folder, 'backup'));
  const kept = names.filter(([, , stays]) => stays).map(([name]) => name);
  expect((await readdir(folder)).sort()).toEqual(['backup', ...kept].sort());
});
