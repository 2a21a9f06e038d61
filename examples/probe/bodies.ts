import { setTimeout } from 'node:timers/promises';
import { ask, type Inquiry, numbersOf, rowsOf } from './ground.js';
import { isEnveloped, type Seen } from './tap.js';

/** Judged last, by every answer that the other inquiries brought. */
export const envelope: Inquiry = {
  question: 'Envelope or flat?',
  async find({ tap }) {
    const json = tap.answers.filter(({ parsed }) => typeof parsed === 'object' && parsed !== null);
    const [good, refused] = [json.filter(({ status }) => status < 300), json.filter(({ status }) => status >= 300)];
    const share = (answers: Seen[]) => `${answers.filter(isEnveloped).length} of ${answers.length}`;
    const wrapped = json.filter(isEnveloped).length;
    const details = `inside an envelope: ${share(good)} answers, ${share(refused)} refusals`;
    if (wrapped === json.length) return { answer: 'inside `{"body": …}`', details, dialect: { envelope: 'spec' } };
    if (wrapped === 0) return { answer: 'flat, without `body`', details, dialect: { envelope: 'flat' } };
    return { answer: 'both', details };
  },
};

const READ_BACK_MS = 10_000;

/** First of all, so that the others find something to read. */
export const readBack: Inquiry = {
  question: 'How soon can a passing be read?',
  async find(ground) {
    const sent = performance.now();
    for (;;) {
      const count = numbersOf(await ask(ground, 'GET', `/passings/session/${ground.token_session}`)).length;
      const ms = performance.now() - sent;
      if (count >= ground.passings.length)
        return { answer: ms < 1_000 ? 'at once' : `after about ${Math.round(ms)} ms` };
      if (ms > READ_BACK_MS) return { answer: `${count} of ${ground.passings.length} within ${READ_BACK_MS} ms` };
      await setTimeout(250);
    }
  },
};

export const coordinates: Inquiry = {
  question: 'Coordinates as string or number?',
  async find(ground) {
    const row = rowsOf(await ask(ground, 'GET', `/passings/session/${ground.token_session}`))?.[0] ?? {};
    const { latitude, longitude } = row;
    const kinds = new Set([typeof latitude, typeof longitude]);
    const details = `sent 41.38 and 2.17, read ${JSON.stringify(latitude)} and ${JSON.stringify(longitude)}`;
    const [kind] = kinds;
    if (kinds.size > 1 || (kind !== 'string' && kind !== 'number')) return { answer: 'neither', details };
    return { answer: `as a ${kind}`, details, dialect: { coordinates: kind } };
  },
};

/** The client reads either order and kind; whoever writes a second client wants to know. */
export const fields: Inquiry = {
  question: 'Which fields does a passing have?',
  async find(ground) {
    const [row = {}] = rowsOf(await ask(ground, 'GET', `/passings/session/${ground.token_session}`)) ?? [];
    return { answer: Object.keys(row).sort().join(', ') };
  },
};

export const unpaged: Inquiry = {
  question: 'In which order do passings come?',
  async find(ground) {
    const numbers = numbersOf(await ask(ground, 'GET', `/passings/session/${ground.token_session}`));
    const sorted = numbers.every((number, index) => index === 0 || Number(number) > Number(numbers[index - 1]));
    return {
      answer: sorted ? 'by `num_passing`' : 'in no order of `num_passing`',
      details: `without paging: ${numbers.join(', ')}`,
    };
  },
};
