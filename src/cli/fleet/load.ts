import { misuse } from '../command-error.js';

/** The fleet and its way to NATS, which are optional peers of the package. */
export async function loadFleet() {
  try {
    const [fleet, transport] = await Promise.all([import('rufus-client/fleet'), import('@nats-io/transport-node')]);
    return { ...fleet, ...transport };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes('@nats-io/')) throw error;
    throw misuse(
      'A fleet works over NATS, whose client is not installed beside rufus-client: ' +
        'npm install @nats-io/transport-node @nats-io/jetstream @nats-io/kv (with --global, where rufus-client is).',
    );
  }
}
