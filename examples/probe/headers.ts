import { ask, type Inquiry } from './ground.js';

const REQUEST_ID = /request-?id|correlation|trace|^cf-ray$|^x-amz-(id|cf-id)/;
const LIMITS = /rate-?limit|retry-after|quota/;

const quoted = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ');

/** Judged late, by every answer that the other inquiries brought. */
export const requestIds: Inquiry = {
  question: 'Which headers carry a request id?',
  async find({ tap }) {
    const count = new Map<string, number>();
    for (const { headers } of tap.answers) {
      for (const name of headers.keys()) if (REQUEST_ID.test(name)) count.set(name, (count.get(name) ?? 0) + 1);
    }
    const total = tap.answers.length;
    return {
      answer: count.size === 0 ? 'none' : quoted([...count.keys()]),
      details:
        [...count].map(([name, times]) => `\`${name}\` on ${times} of ${total} answers`).join('; ') ||
        `seen on ${total} answers: ${quoted(seenNames(tap))}`,
    };
  },
};

export const limits: Inquiry = {
  question: 'Do headers tell of a rate limit?',
  async find({ tap }) {
    const names = seenNames(tap).filter((name) => LIMITS.test(name));
    return { answer: names.length === 0 ? 'no' : quoted(names) };
  },
};

export const compression: Inquiry = {
  question: 'Is gzip spoken?',
  async find(ground) {
    const headers = { 'accept-encoding': 'gzip' };
    const reply = await ask(ground, 'GET', `/passings/session/${ground.token_session}`, { headers });
    const coding = reply.headers.get('content-encoding');
    const size = JSON.stringify(reply.payload).length;
    return {
      answer: coding === 'gzip' ? 'yes' : `no (${coding === null ? 'no content-encoding' : coding})`,
      details: `asked with \`accept-encoding: gzip\` for about ${size} bytes; a server may compress only longer answers`,
    };
  },
};

function seenNames(tap: { answers: readonly { headers: Headers }[] }): string[] {
  return [...new Set(tap.answers.flatMap(({ headers }) => [...headers.keys()]))].sort();
}
