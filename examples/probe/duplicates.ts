import type { PassingInput } from 'rufus-client';
import { ask, type Ground, type Inquiry, rowsOf } from './ground.js';

const original: PassingInput = { num_passing: 20, bib: 'D1', chip: 'DUP1', timestamp: '2024-04-21T09:30:00.000Z' };
type Respect = 'whole' | 'number' | 'content';
/** Each repeats the original in one respect. */
const REPEATS: Readonly<Record<Respect, PassingInput>> = {
  whole: original,
  number: { num_passing: 20, bib: 'D2', chip: 'DUP2', timestamp: '2024-04-21T09:31:00.000Z' },
  content: { ...original, num_passing: 21 },
};

export const duplicates: Inquiry = {
  question: 'What makes a duplicate?',
  async find(ground) {
    await ground.client.passings.insert(ground.token_session, [original]);
    const counted = { whole: false, number: false, content: false };
    const notes: string[] = [];
    for (const name of ['whole', 'number', 'content'] as const) {
      counted[name] = await isDropped(ground, REPEATS[name], (note) => notes.push(note));
    }
    const kept = (await stored(ground)).filter(({ num_passing }) => num_passing === 20).map(({ bib }) => bib);
    return {
      ...verdict(counted),
      details: `dropped: the same passing again ${yes(counted.whole)}, the same \`num_passing\` with another bib and time ${yes(counted.number)}, the same bib and time with another \`num_passing\` ${yes(counted.content)}; kept under number 20: ${kept.join(', ')}${notes.length === 0 ? '' : `; ${notes.join('; ')}`}`,
    };
  },
};

const yes = (is: boolean) => (is ? 'yes' : 'no');

function verdict({ whole, number, content }: Readonly<Record<Respect, boolean>>) {
  if (number && content) return { answer: 'the same `num_passing`, and also the same bib and time' };
  if (number) return { answer: 'the same `num_passing` in the session', dialect: { duplicates: 'number' } as const };
  if (content) return { answer: 'the same bib and time, whatever the `num_passing`' };
  if (whole) return { answer: 'only a passing that is the same in every field' };
  return { answer: 'nothing: every repeat is stored', dialect: { duplicates: 'none' } as const };
}

/** By the receipt's own count, and where it has none by what is there afterwards. */
async function isDropped(ground: Ground, passing: PassingInput, note: (text: string) => void): Promise<boolean> {
  const before = (await stored(ground)).length;
  const { duplicate_count } = await ground.client.passings.insert(ground.token_session, [passing]);
  const grown = (await stored(ground)).length > before;
  if (duplicate_count === undefined) return !grown;
  if (grown === duplicate_count > 0)
    note(`the receipt counted ${duplicate_count}, yet the list has ${yes(grown)} new row`);
  return duplicate_count > 0;
}

async function stored(ground: Ground): Promise<Record<string, unknown>[]> {
  const query = { first: 20, last: 29 };
  return rowsOf(await ask(ground, 'GET', `/passings/session/${ground.token_session}`, { query })) ?? [];
}
