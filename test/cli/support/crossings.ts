import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { PassingInput } from 'rufus-client';
import { PROJECT_FOLDER } from '../../support/child.js';

const SPLITS = join(PROJECT_FOLDER, '../shared/data/boston-2013-splits.csv.gz');
const GUN_MS = Date.UTC(2013, 3, 15, 14);

export const hasCrossings = existsSync(SPLITS);

/** Every crossing of a mat in a real marathon, 145,273 of them, in the order of time. */
export function crossings(): PassingInput[] {
  const [, ...lines] = gunzipSync(readFileSync(SPLITS)).toString('utf8').trim().split('\n');
  const reads = lines.flatMap((line) => {
    const [bib = '', gender = '', ...splits] = line.split(',');
    return splits.filter((split) => split !== '').map((split) => ({ bib, gender, at: Number(split) }));
  });
  reads.sort((a, b) => a.at - b.at);
  return reads.map(({ bib, gender, at }, index) => ({
    timestamp: new Date(GUN_MS + at * 1_000).toISOString(),
    num_passing: index + 1,
    bib,
    gender,
  }));
}
