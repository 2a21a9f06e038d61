import { type Answer, type Request, serve } from './http-server.js';
import { LiveFeed } from './live-feed.js';
import { storedRow, TOKEN } from './rows.js';
import type { ServerOptions } from './server.js';

const options: ServerOptions = JSON.parse(process.argv[2] ?? '{}');
const { latencyMs = 0, rows = 0, coordinates = 'string', live = { perSecond: 0, seconds: 0 } } = options;

const PAGE_ROWS = 5_000;
const pages: Buffer[] = [];
for (let first = 1; first <= rows; first += PAGE_ROWS) {
  const count = Math.min(PAGE_ROWS, rows - first + 1);
  pages.push(page(Array.from({ length: count }, (_, index) => storedRow(first + index, coordinates))));
}
const emptyPage = page([]);
const feed = new LiveFeed(live);
const nothing: Answer = { status: 404, json: Buffer.from('{"body":{"description":"Not found"}}') };

const session: Answer = {
  status: 200,
  json: Buffer.from(
    `{"body":{"description":"Success","result":[{"token_session":"${TOKEN}","active":true,"passings":${rows}}]}}`,
  ),
};

function page(result: object[]): Buffer {
  return Buffer.from(JSON.stringify({ body: { description: 'Passings retrieved succesfully', result } }));
}

function receipt({ body }: Request): Answer {
  let count = 0;
  for (let at = body.indexOf('"num_passing"'); at >= 0; at = body.indexOf('"num_passing"', at + 13)) count++;
  const token = /"token_session": *"([^"]*)"/.exec(body.toString('latin1', 0, 200))?.[1] ?? TOKEN;
  const json = `{"body":{"description":"Passings inserted succesfully","token_session":"${token}","inserted_count":${count},"duplicate_count":0}}`;
  return { status: 201, json: Buffer.from(json) };
}

const port = await serve((request) => {
  if (request.method === 'POST' && request.path === '/v0/passings') return receipt(request);
  if (request.path.startsWith('/v0/passings/session/')) {
    return { status: 200, json: pages[Number(request.query.get('page') ?? 1) - 1] ?? emptyPage };
  }
  if (request.path.startsWith('/v0/passings/device2/')) return feed.answer(request.query);
  if (request.method === 'GET' && request.path.startsWith('/v0/sessions/')) return session;
  return nothing;
}, latencyMs);

process.send?.(port);
process.on('disconnect', () => process.exit());
