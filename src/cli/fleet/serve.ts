import type { Context } from '../context.js';
import { withOpened } from './opened.js';
import type { FleetCommandOptions } from './options.js';

export interface ServeCommandOptions extends FleetCommandOptions {
  readonly concurrency?: number;
}

/** Carries the calls of boxes until it is stopped. */
export async function serve(context: Context, options: ServeCommandOptions): Promise<void> {
  const { concurrency } = options;
  await withOpened(context, options, { needsKey: true, waits: true }, async (fleet) => {
    context.screen.note('Carrying the calls of boxes.');
    await fleet.serve({ ...(concurrency !== undefined && { concurrency }), signal: context.signal });
  });
}
