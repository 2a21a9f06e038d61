import { RufusClient, type RufusClientOptions } from '../../../src/index.js';
import { openOutboxWith } from '../../../src/outbox/open.js';
import type { OutboxOptions } from '../../../src/outbox/types.js';
import { Sandbox } from '../../../src/testing/index.js';
import { HandClock, rest } from './clock.js';
import { MemoryFolder } from './memory-journal.js';
import { listen } from './rig.js';

/** A device with an active session in a sandbox, and an outbox in memory on it. Opening again without closing is a kill. */
export async function race(options: Partial<OutboxOptions> = {}, key: 'readWrite' | 'write' = 'readWrite') {
  const sandbox = new Sandbox();
  const clientOf = (more: RufusClientOptions = {}) =>
    new RufusClient({ apiKey: sandbox.keys[key], dispatcher: sandbox.dispatcher, logLevel: 'off', ...more });
  const server = clientOf({ apiKey: sandbox.keys.admin });
  const { deviceid } = await server.devices.bind({ type: 'reader', model: 'M1', serial_number: 'SN-1' });
  const { token_session } = await server.sessions.create({ deviceid });
  const folder = new MemoryFolder();
  const clock = new HandClock();
  const open = async (more: Partial<OutboxOptions> = {}, client = clientOf()) => {
    const outbox = await openOutboxWith(
      {
        client,
        directory: 'memory',
        session: { deviceid, open: 'active-or-new' },
        ...(key === 'write' && { session: { token_session, startAt: 1 } }),
        ...options,
        ...more,
      },
      { clock, random: () => 1, openJournal: folder.open },
    );
    const events = listen(outbox);
    await rest();
    return { outbox, events };
  };
  const at = (token: string) => sandbox.state.passings(token).map(({ num_passing, bib }) => `${num_passing}:${bib}`);
  const tokens = () => sandbox.state.sessions.map((session) => session.token_session);
  return { sandbox, server, deviceid, token_session, folder, clock, open, at, tokens, clientOf };
}
