import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { COURSE, type Wave } from '../../src/simulation/course.js';
import type { Runner } from '../../src/simulation/field.js';

const COLUMNS = ['bib', 'gender', ...COURSE.flatMap(({ column }) => column ?? [])];

/**
 * Runners from a CSV file, gzipped where its name ends in `.gz`: columns `bib` and `gender`, and the seconds from the
 * gun to each checkpoint in the columns that the course names. An empty cell is a mat that saw no chip.
 */
export async function readSplits(file: string): Promise<Runner[]> {
  const bytes = await readFile(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
  const [header = [], ...rows] = text.split(/\r?\n/).map((line) => line.split(','));
  const missing = COLUMNS.filter((name) => !header.includes(name));
  if (missing.length > 0) throw new Error(`${file} has no column ${missing.join(', ')}.`);
  return rows.filter((row) => row.length > 1).map((row) => runnerOf((name) => row[header.indexOf(name)] ?? ''));
}

function runnerOf(cell: (column: string) => string): Runner {
  const bib = cell('bib');
  return {
    bib,
    gender: cell('gender') === 'F' ? 'F' : 'M',
    wave: waveOf(bib),
    splits: COURSE.map(({ column }) => {
      const seconds = column === undefined ? '' : cell(column);
      return seconds === '' ? undefined : Number(seconds);
    }),
  };
}

/** As Boston numbers its field. */
function waveOf(bib: string): Wave {
  if (bib.startsWith('W')) return 'wheelchairs';
  if (bib.startsWith('F')) return 'women';
  const number = Number(bib);
  return number < 9_000 ? 'first' : number < 18_000 ? 'second' : 'third';
}
