import { type Middleware, RufusClient } from 'rufus-client';
import { SimulatedRace } from '../simulation/simulated-race.js';
import type { BoardOptions } from './options.js';
import { type ServedBoard, serveBoard } from './serve.js';

const RUNNERS = 6_000;
/** Three hours in: all are on the course, and the first are at the finish. */
const SINCE_GUN_MS = 178 * 60_000;

/**
 * A board of a marathon that is being run right now, on a sandbox: no key, no account, no network. Needs the optional peer `msw`.
 *
 * @throws {RufusConfigError} where msw is missing, for an option that cannot be, an address in use.
 * @example
 * const board = await serveDemoBoard();
 * console.log(board.url);
 */
export async function serveDemoBoard(options: Omit<BoardOptions, 'client' | 'devices'> = {}): Promise<ServedBoard> {
  const { Sandbox } = (await import(TESTING)) as typeof import('rufus-client/testing');
  const { dispatcher, keys } = new Sandbox();
  const client = new RufusClient({ apiKey: keys.readWrite, dispatcher, middleware: [batteries] });
  const race = await SimulatedRace.prepare(client, RUNNERS);
  const end = new AbortController();
  const running = race.runLive(SINCE_GUN_MS, end.signal);
  const stop = async (): Promise<void> => {
    end.abort();
    await running;
    await client.close();
  };
  try {
    const board = await serveBoard({ title: 'Demo marathon', ...options, client, devices: race.deviceids });
    return {
      url: board.url,
      async close() {
        await board.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

// By a variable: bundlers do not go and look for msw where nobody wants the demo.
const TESTING = 'rufus-client/testing';

/** The sandbox has no batteries. Each device gets a charge, by its id. */
const batteries: Middleware = async (context, next) => {
  const response = await next(context);
  if (context.operation !== 'devices.get') return response;
  const deviceid = context.path.split('/').at(-1) ?? '';
  const battery_percentage = 30 + (Number.parseInt(deviceid.slice(0, 4), 16) % 70);
  const answer = response.json() as { body: { result: object } };
  Object.assign(answer.body.result, { battery_percentage, charging: false });
  return { ...response, text: JSON.stringify(answer), json: () => answer };
};
