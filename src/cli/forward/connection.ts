import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Outcome } from './intake.js';
import { type StreamSetup, takeLines } from './stream.js';

/** A decoder that is gone without a word is noticed after so long. */
const KEEP_ALIVE_MS = 15_000;
/** How long answers may take on their way at the end. */
const LINGER_MS = 500;

export interface ConnectionSetup extends StreamSetup {
  /** Each line is answered: `ok` with its number, or `error` with the reason. */
  readonly replies: boolean;
  readonly note: (line: string) => void;
}

/** Takes the lines of a decoder until it hangs up, or until it is told to stop. @throws what storing the lines fails with */
export async function serveDecoder(socket: Socket, source: string, setup: ConnectionSetup): Promise<void> {
  const { replies, note, stop } = setup;
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.setNoDelay(true);
  // Whoever reads or writes is told; without a listener it would be thrown, too.
  socket.on('error', () => {});
  try {
    const answer = replies ? (outcomes: readonly Outcome[]) => reply(socket, outcomes, stop) : async () => {};
    const { incomplete } = await takeLines(socket, source, setup, answer);
    // A line that was cut off may look like a shorter one.
    if (incomplete > 0) note(`${source} ended in the middle of a line: its last ${incomplete} bytes are no line.`);
    await hangUp(socket);
  } catch (error) {
    if (error !== socket.errored && !stop.aborted) throw error;
    if (!stop.aborted) note(`${source}: ${(error as Error).message}.`);
  } finally {
    socket.destroy();
  }
}

async function reply(socket: Socket, outcomes: readonly Outcome[], stop: AbortSignal): Promise<void> {
  const text = outcomes.map((outcome) => (typeof outcome === 'number' ? `ok ${outcome}\n` : `error ${outcome}\n`));
  if (text.length === 0 || socket.write(text.join('')) || socket.destroyed) return;
  // Who does not read its answers is not read.
  const over = new AbortController();
  const onClose = () => over.abort();
  socket.once('close', onClose);
  stop.addEventListener('abort', onClose, { once: true });
  await once(socket, 'drain', { signal: over.signal }).catch(() => {});
  socket.off('close', onClose);
  stop.removeEventListener('abort', onClose);
}

async function hangUp(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.end();
  // Closed with something unread, it would be reset, and the answers on their way lost.
  socket.resume();
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  clearTimeout(timer);
}
