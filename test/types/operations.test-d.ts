// What the operation table does not let compile. Checked by `npm run typecheck`.
import { list } from '../../src/core/lists.js';
import { operation } from '../../src/core/operation.js';
import { bindDevice, getDevice, listEvents, listPassingsByDevice, pollPassings } from '../../src/core/operations.js';
import type { Rows } from '../../src/core/payload.js';
import type { Transport } from '../../src/core/transport.js';
import { integer, PAGING } from '../../src/core/validation/parameters.js';
import type { Device, PagePromise, PageQuery, RaceEvent } from '../../src/types.js';

declare const transport: Transport;

export const events: PagePromise<RaceEvent> = list(transport, listEvents, { query: { limit: 5 } }, undefined);

// @ts-expect-error a list takes no other list's name
list(transport, listEvents, 'passingsByDevice', undefined, undefined, undefined);
// @ts-expect-error nor its query
list(transport, listEvents, { query: { from: new Date() } }, undefined);
// @ts-expect-error nor its id
list(transport, listEvents, { deviceid: 'D', query: undefined }, undefined);
// @ts-expect-error one that has an id needs it
list(transport, listPassingsByDevice, { query: undefined }, undefined);
// @ts-expect-error what gives one item is no list
list(transport, getDevice, { deviceid: 'D', query: undefined }, undefined);
// @ts-expect-error nor are its items another's
export const devices: PagePromise<Device> = list(transport, listEvents, { query: undefined }, undefined);

// @ts-expect-error the id has its own name
transport.call(getDevice, { token_session: 'T' }, undefined);
// @ts-expect-error a body its own fields
transport.call(bindDevice, { body: { deviceid: 'D' } }, undefined);
// @ts-expect-error a query its own types
transport.call(pollPassings, { deviceid: 'D', query: { last: '5' } }, undefined);

type Input = { query: (PageQuery & { limit?: number | undefined }) | undefined };
const row = { name: 'x', method: 'GET', path: '/x', repeat: 'read', access: 'x' } as const;
const read = (): Rows<Device> => ({ items: [], hasMore: undefined });

operation<Input, Rows<Device>>({ ...row, read, query: { limit: integer(1), ...PAGING } });
// @ts-expect-error a query without its rules
operation<Input, Rows<Device>>({ ...row, read });
// @ts-expect-error a field without its rule
operation<Input, Rows<Device>>({ ...row, read, query: { ...PAGING } });
// @ts-expect-error a rule without its field
operation<Input, Rows<Device>>({ ...row, read, query: { limit: integer(1), first: integer(0), ...PAGING } });
// @ts-expect-error a body without its check
operation<{ body: object }, Rows<Device>>({ ...row, read });
