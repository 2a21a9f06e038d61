import { type Answer, type Request, serve } from './http-server.js';
import { LiveFeed } from './live-feed.js';
import { DEVICE, storedRow, TOKEN } from './rows.js';
import type { ServerOptions } from './server.js';
import { PAGE_ROWS, TemplatedPages } from './templated-pages.js';

const options: ServerOptions = JSON.parse(process.argv[2] ?? '{}');
const {
  latencyMs = 0,
  rows = 0,
  coordinates = 'string',
  live = { perSecond: 0, seconds: 0 },
  templated = false,
} = options;

const POLL = '/v0/passings/device2/';
const pages: Buffer[] = [];
const templates = templated ? new TemplatedPages(rows, page) : undefined;
for (let first = 1; first <= rows && !templated; first += PAGE_ROWS) {
  const count = Math.min(PAGE_ROWS, rows - first + 1);
  pages.push(page(Array.from({ length: count }, (_, index) => storedRow(first + index, coordinates))));
}
const emptyPage = page([]);
const feeds = new Map<string, LiveFeed>();
const device: Answer = { status: 200, json: Buffer.from(JSON.stringify({ body: { result: { deviceid: DEVICE } } })) };
const nothing: Answer = { status: 404, json: Buffer.from('{"body":{"description":"Not found"}}') };

const session: Answer = {
  status: 200,
  json: Buffer.from(
    `{"body":{"description":"Success","result":[{"token_session":"${TOKEN}","active":true,"passings":${rows}}]}}`,
  ),
};

/** Each device's own, spread over the time between two passings. */
function feedOf(deviceid: string): LiveFeed {
  const known = feeds.get(deviceid);
  if (known !== undefined) return known;
  const afterMs = live.perSecond === 0 ? 0 : (feeds.size * 7) % (1000 / live.perSecond);
  const feed = new LiveFeed({ deviceid, ...live, afterMs });
  feeds.set(deviceid, feed);
  return feed;
}

function sessionPage(number: number): Buffer {
  return (templates === undefined ? pages[number - 1] : templates.page(number)) ?? emptyPage;
}

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
    return { status: 200, json: sessionPage(Number(request.query.get('page') ?? 1)) };
  }
  if (request.path.startsWith(POLL)) return feedOf(request.path.slice(POLL.length)).answer(request.query);
  if (request.path === `/v0/devices/${DEVICE}`) return device;
  if (request.method === 'GET' && request.path.startsWith('/v0/sessions/')) return session;
  return nothing;
}, latencyMs);

process.send?.(port);
process.on('disconnect', () => process.exit());
