const WARM_UP = Symbol.for('rufus-client.warm-up');

/** Attaches it to the client under a registered symbol, so that the outbox and the fleet find it across ESM and CJS copies of the package. */
export function attachWarmUp(client: object, load: () => Promise<unknown>): void {
  Object.defineProperty(client, WARM_UP, { value: load });
}

/** Loads all that a call needs. Does nothing for a test's stand-in of a client. */
export async function warmUp(client: object): Promise<void> {
  await (client as { [WARM_UP]?: () => Promise<unknown> })[WARM_UP]?.();
}
