import { ask, type Ground, type Inquiry, numbersOf, type Reply, rowsOf } from './ground.js';

const ends = (numbers: readonly unknown[], first: number, last: number, names: readonly [string, string]): string => {
  const [from, to] = [numbers.includes(first), numbers.includes(last)];
  if (from && to) return 'both inclusive';
  if (!from && !to) return 'both exclusive';
  return `\`${names[0]}\` ${from ? 'inclusive' : 'exclusive'}, \`${names[1]}\` ${to ? 'inclusive' : 'exclusive'}`;
};

export const numberRange: Inquiry = {
  question: 'Are `first` and `last` inclusive?',
  async find(ground) {
    const query = { first: 2, last: 4 };
    const numbers = numbersOf(await ask(ground, 'GET', `/passings/session/${ground.token_session}`, { query }));
    return {
      answer: ends(numbers, 2, 4, ['first', 'last']),
      details: `of 1 to 6, first=2 and last=4 give ${numbers.join(', ') || 'nothing'}`,
    };
  },
};

export const timeRange: Inquiry = {
  question: 'Are `from` and `to` inclusive?',
  async find(ground) {
    const [, second, , fourth] = ground.passings.map(({ timestamp }) => String(timestamp));
    const query = { from: second, to: fourth };
    const numbers = numbersOf(await ask(ground, 'GET', `/passings/device/${ground.deviceid}`, { query }));
    return {
      answer: ends(numbers, 2, 4, ['from', 'to']),
      details: `from the 2nd passing to the 4th gives ${numbers.join(', ') || 'nothing'}`,
    };
  },
};

const FAR = 1_000;

/** What the sandbox's option `endOfPages` calls it. */
function endOf(reply: Reply): 'empty' | 'absent' | '404' | string {
  if (reply.status === 404) return '404';
  if (reply.status >= 300) return String(reply.status);
  const rows = rowsOf(reply);
  return rows === undefined ? 'absent' : rows.length === 0 ? 'empty' : `${rows.length} rows`;
}

const NAMES: Readonly<Record<string, string>> = { empty: 'an empty list', absent: 'no list at all', '404': '404' };

export const pastTheEnd: Inquiry = {
  question: 'What does a page past the end give?',
  async find(ground: Ground) {
    const { token_session, deviceid } = ground;
    const at = (path: string) => ask(ground, 'GET', path, { query: { page: FAR } }).then(endOf);
    const end = await at(`/passings/session/${token_session}`);
    const others = [
      `a device's passings: ${await at(`/passings/device/${deviceid}`)}`,
      `the continuous query: ${await at(`/passings/device2/${deviceid}`)}`,
      `devices: ${await at('/devices')}`,
      `events: ${await at('/events')}`,
    ];
    const known = end === 'empty' || end === 'absent' || end === '404';
    return {
      answer: NAMES[end] ?? end,
      details: `page ${FAR} of a session's passings: ${end}; ${others.join('; ')}`,
      ...(known ? { dialect: { endOfPages: end } } : {}),
    };
  },
};
