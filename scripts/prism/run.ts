// The API document against client and sandbox, judged by a third party: npm run test:prism
import { OPERATIONS } from '../../test/support/operations.js';
import { readFromMock } from './mock.js';
import { passThroughProxy } from './proxy.js';

const { answers, calls, violations } = await passThroughProxy();
for (const violation of violations) console.error(violation);
console.log(`Proxy: ${calls} calls, ${violations.length} violations`);
const rows = [...answers]
  .sort()
  .map(([operation, statuses]) => ({ operation, statuses: [...statuses].sort().join(' ') }));
console.table(rows);

const unseen = OPERATIONS.flatMap(({ name, status }) =>
  ['x-api-key', 'api_key']
    .filter((header) => !answers.get(`${name} (${header})`)?.has(status))
    .map((header) => `${name} (${header})`),
);
for (const name of unseen) console.error(`${name} was never answered with success`);

const read = await readFromMock();
for (const failure of read.failures) console.error(failure);
console.log(`Mock: ${read.calls} answers read, half of them in strict mode, ${read.failures.length} failures`);

if (violations.length + unseen.length + read.failures.length > 0) process.exitCode = 1;
