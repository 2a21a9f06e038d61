import { ask, type Inquiry, words } from './ground.js';

/** Well-formed, as the vendor's keys are, and nobody's. */
const NOBODYS = `ror-${'0'.repeat(20)}`;

export const unknownKey: Inquiry = {
  question: 'What does an unknown key get?',
  async find(ground) {
    const client = ground.client.withOptions({ apiKey: NOBODYS });
    const reply = await ask({ ...ground, client }, 'GET', '/devices');
    const { status } = reply;
    const known = status === 401 || status === 403;
    return { answer: String(status), details: words(reply), ...(known ? { dialect: { unknownKey: status } } : {}) };
  },
};
