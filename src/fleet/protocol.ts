// How a call travels. The box asks on `<fleet>.call.<box>` who would carry one; NATS gives that to a single worker of the queue
// group. The worker answers with a subject of its own and a number, and waits for the call for a while. Only then does the
// box send it. So a call that is given up before that was never sent, whatever is still under way in the network, or in
// the buffer of a connection that is cut: an old question brings an answer that nobody waits for.

/** The worker's answer to a question. */
export type Offer = { readonly subject: string; readonly call: string } | { readonly busy: true };

/** With the first piece of an answer. */
export type CallAnswer =
  /** The API's, or a refusal of the fleet's own. */
  | { readonly status: number; readonly headers: Readonly<Record<string, string>> }
  /** There is none. `sent`: the API may have got the call. */
  | { readonly lost: string; readonly sent: boolean }
  /** The number is not known, or no longer: nothing was sent. */
  | { readonly lapsed: true };

/** A box waits so long for an offer before it asks again: a worker that is paused takes questions, and answers none. */
export const ASK_MS = 1_000;
/** A worker waits so long for the call that it offered to carry. */
export const OFFER_MS = 5_000;
export const QUEUE = 'serve';
