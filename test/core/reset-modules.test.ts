// Test runners forget modules between tests: what a client loads with its first call is then a second copy of what it has.
import { expect, test, vi } from 'vitest';
import {
  RufusClient,
  RufusConnectionError,
  RufusRequestValidationError,
  RufusResponseValidationError,
} from '../../src/index.js';
import { answerOf, fakeDispatcher, KEY } from '../support/client.js';
import { TOKEN } from '../support/operations.js';

test('a client that is older than a reset of the modules works as any other', async () => {
  const receipt = { description: 'ok', token_session: TOKEN, inserted_count: 'one' };
  const { dispatcher } = fakeDispatcher(answerOf(200, receipt), answerOf(200, { description: 5 }), new Error('reset'));
  const client = new RufusClient({ apiKey: KEY, dispatcher, logLevel: 'off', retry: false });
  vi.resetModules();
  const insert = (bib: unknown) =>
    client.passings.insert(TOKEN, [{ num_passing: 1, bib: bib as string, timestamp: new Date() }]);
  await expect(insert(7)).rejects.toThrow(RufusRequestValidationError);
  expect(await insert('7')).toEqual(receipt);
  await expect(insert('7')).rejects.toThrow(RufusResponseValidationError);
  await expect(insert('7')).rejects.toThrow(RufusConnectionError);
});
