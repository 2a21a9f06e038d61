import { RufusClient } from 'rufus-client';
import { mswDispatcher, Sandbox, type SandboxFault } from 'rufus-client/testing';

async function main(): Promise<void> {
  const sandbox = new Sandbox({ envelope: 'flat', coordinates: 'number' });
  const { readWrite: apiKey } = sandbox.keys;
  const cut: SandboxFault = { kind: 'reset-after', on: 'POST /passings' };
  sandbox.fault(cut);
  for (const dispatcher of [sandbox.dispatcher, mswDispatcher(...sandbox.handlers)]) {
    const client = new RufusClient({ apiKey, dispatcher, retry: { baseDelayMs: 1 } });
    const { deviceid } = await client.devices.ensureBound({ type: 'reader', model: 'Sandbox', serial_number: '1' });
    const { token_session } = await client.sessions.create({ deviceid });
    await client.passings.insert(token_session, [{ num_passing: 1, bib: '7', timestamp: new Date(), latitude: 41.4 }]);
    const [passing] = sandbox.state.passings(token_session);
    if (passing?.bib !== '7') throw new Error('Not stored');
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
