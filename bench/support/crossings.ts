import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { PassingInput } from '../../src/index.js';
import { crossing } from './rows.js';

const SPLITS = '../shared/data/boston-2013-splits.csv.gz';
const GUN_MS = Date.UTC(2013, 3, 15, 14, 0, 0);

/** The mat crossings of a real marathon in the order of time where its splits are at hand, generated ones otherwise. */
export function crossings(): { source: string; passings: PassingInput[] } {
  if (!existsSync(SPLITS)) {
    return { source: 'generated', passings: Array.from({ length: 145_273 }, (_, index) => crossing(index + 1)) };
  }
  const [, ...lines] = gunzipSync(readFileSync(SPLITS)).toString('utf8').trim().split('\n');
  const reads = lines.flatMap((line) => {
    const [bib = '', gender = '', ...splits] = line.split(',');
    return splits.filter((split) => split !== '').map((split) => ({ bib, gender, at: Number(split) }));
  });
  reads.sort((a, b) => a.at - b.at);
  const passings = reads.map(({ bib, gender, at }, index) => ({
    timestamp: new Date(GUN_MS + at * 1000).toISOString(),
    num_passing: index + 1,
    bib,
    gender,
  }));
  return { source: 'of the Boston Marathon 2013', passings };
}
