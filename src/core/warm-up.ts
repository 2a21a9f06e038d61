const WARM_UP = Symbol.for('rufus-client.warm-up');

/** Where what works on top of a client, be it of the other build (ESM, CJS), can have everything loaded that a call needs. */
export function lendWarmUp(client: object, load: () => Promise<unknown>): void {
  Object.defineProperty(client, WARM_UP, { value: load });
}

/** Does nothing for a stand-in of somebody's test. */
export async function warmUp(client: object): Promise<void> {
  await (client as { [WARM_UP]?: () => Promise<unknown> })[WARM_UP]?.();
}
