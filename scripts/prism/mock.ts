import { RufusClient, type ValidationMode } from '../../src/index.js';
import { OPERATIONS } from '../../test/support/operations.js';
import { startMock } from './server.js';

const CALLS = 900;
const MODES: readonly ValidationMode[] = ['tolerant', 'strict'];

export interface ReadAnswers {
  readonly calls: number;
  /** Answers that threw, and in tolerant mode drift that was told of. */
  readonly failures: readonly string[];
}

/** At least 900 answers that fit the document, spread over all operations, in each mode. */
export async function readFromMock(): Promise<ReadAnswers> {
  await using mock = await startMock();
  const failures: string[] = [];
  let calls = 0;
  for (const validation of MODES) {
    const tell = (message: string, fields?: object) =>
      failures.push(`${validation}: ${message} ${JSON.stringify(fields)}`);
    await using client = new RufusClient({
      baseUrl: mock.url,
      apiKey: 'ror-0123456789abcdef0123',
      retry: false,
      validation,
      logger: { error: tell, warn: tell, info() {}, debug() {} },
    });
    for (let round = 0; round < Math.ceil(CALLS / OPERATIONS.length); round += 1) {
      for (const { name, call } of OPERATIONS) {
        calls += 1;
        try {
          await call(client);
        } catch (error) {
          failures.push(`${validation}: ${name}: ${error}`);
        }
      }
    }
  }
  return { calls, failures };
}
