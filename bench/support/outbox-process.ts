import { crossings } from './crossings.js';
import { outboxAt } from './outbox.js';

// What `rufus forward` is measured against: the outbox in a process of its own, its passings at hand.
const LIST = 2_000;
const [directory = '', baseUrl = '', count = '0'] = process.argv.slice(2);
const startedAt = performance.now();
const passings = crossings()
  .passings.slice(0, Number(count))
  .map(({ num_passing: _number, ...passing }) => passing);
const preparedMs = performance.now() - startedAt;
const outbox = await outboxAt(directory, baseUrl);
for (let first = 0; first < passings.length; first += LIST) await outbox.append(passings.slice(first, first + LIST));
await outbox.drained();
// Without the time in which it made up what a reader would bring.
process.send?.(preparedMs);
await outbox.close();
process.disconnect?.();
