import { json, raw } from '../../support/behaviours.js';
import { clientOf } from '../../support/client.js';
import { startServer } from '../../support/server.js';

interface Fixed {
  status: number;
  body: unknown;
}
export interface NumberingCase extends Fixed {
  /** The answer to the list of passings. */
  list?: Fixed;
}

/** A server that says this about a session, and that about its passings. */
export async function numberingServer({ list, ...session }: NumberingCase) {
  const server = await startServer();
  const reply = ({ status, body }: Fixed) => (typeof body === 'string' ? raw(status, body) : json(status, body));
  server.always((exchange) =>
    reply(list !== undefined && exchange.seen.target.includes('/passings/session/') ? list : session)(exchange),
  );
  return { server, client: clientOf(server) };
}
