import type { DispatcherLike } from '../../types.js';
import { BodyReader } from './answer.js';
import { type Flight, TransportFailure, type Wire, type WireRequest } from './flight.js';

/** The general path: `dispatcher.request()`, called on the instance, which any undici agent, MockAgent or fake understands. */
export function requestWire(dispatcher: DispatcherLike): Wire {
  return {
    send(request, flight) {
      const controller = new AbortController();
      flight.cancel = (reason) => controller.abort(reason);
      flight.markSent();
      exchange(dispatcher, request, controller.signal).then(
        (result) => flight.settle(result),
        (cause: unknown) => flight.settle(new TransportFailure('network', true, cause)),
      );
    },
  };
}

async function exchange(
  dispatcher: DispatcherLike,
  request: WireRequest,
  signal: AbortSignal,
): Promise<Awaited<Flight['result']>> {
  const { statusCode, headers, body } = await dispatcher.request({
    origin: request.origin,
    path: request.path,
    method: request.method,
    headers: { ...request.headers },
    body: request.body,
    signal,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const reader = new BodyReader(statusCode, headers, request.maxBytes);
  if (reader.announcedTooLarge) {
    await body.dump({ limit: 0 }).catch(() => {});
    return reader.overflow();
  }
  for await (const chunk of body) {
    // Leaving the loop destroys the body, and with it the socket.
    if (!reader.take(chunk)) return reader.overflow();
  }
  return reader.finish();
}
