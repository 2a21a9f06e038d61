// A page that stays open over a race of 200,000 crossings, and what it costs.
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page as Tab } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { Guard } from '../../src/board/guard.js';
import { respond } from '../../src/board/http.js';
import { News } from '../../src/board/news.js';
import { Page } from '../../src/board/page.js';
import { pageHtml } from '../../src/board/page-html.js';
import { Race } from '../../src/board/race.js';
import { Stream } from '../../src/board/stream.js';
import { browserOfFile, hasBrowser, text, why } from './browser.js';

const TOTAL = 200_000;
const AT_ONCE = 50;
const DEVICES = Array.from({ length: 10 }, (_, index) => String(index).repeat(64));
const MIB = 2 ** 20;

const browser = browserOfFile();

/** Everything of the board but its followers: crossings come from here, as fast as the page can take them. */
async function servedRace() {
  const race = new Race();
  const news = new News('Long race', 'UTC', race, () => {});
  const stream = new Stream(() => news.full(), 60_000);
  const page = new Page(await pageHtml());
  const routes = {
    page,
    state: () => news.api(),
    runner: (bib: string) => JSON.stringify({ bib, crossings: race.crossingsOf(bib) }),
    events: stream.add.bind(stream),
  };
  const guard = new Guard('127.0.0.1', undefined);
  const server = createServer((request, response) => respond(request, response, guard, routes)).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const startedAt = Date.now() - TOTAL * 60;
  const counts = DEVICES.map(() => 0);
  for (const [index, deviceid] of DEVICES.entries()) news.device({ deviceid, alias: `Mat ${index}` });
  let sent = 0;
  return {
    url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    send(): void {
      const mat = (sent / AT_ONCE) % DEVICES.length;
      const rows = Array.from({ length: AT_ONCE }, (_, index) => {
        const bib = String(1 + (((sent + index) * 7919) % 30_000));
        const at = new Date(startedAt + (sent + index) * 60);
        return [++counts[mat]!, at.toISOString(), bib, `CHIP-${bib}`] as const;
      });
      const cursor = { token_session: DEVICES[mat]!, last: counts[mat]! };
      news.take({ deviceid: DEVICES[mat]!, cursor, from: startedAt, at: Date.now(), late: false, rows });
      stream.publish('update', news.update()!);
      sent += AT_ONCE;
    },
  };
}

/** What the page does in a frame, measured around each of its own. */
const MEASURE = `
  window.frames_ = [];
  const request = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (callback) => request((time) => {
    const startedAt = performance.now();
    callback(time);
    document.body.offsetHeight; // lays out what has changed
    window.frames_.push(performance.now() - startedAt);
  });
`;

const framesOf = (tab: Tab): Promise<number[]> => tab.evaluate('window.frames_.splice(0)');
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

const lines = (pid: string, file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\n');

function isOurs(pid: string): boolean {
  for (let at = pid; at !== '0'; ) {
    if (at === String(process.pid)) return true;
    at = lines(at, 'status')
      .find((line) => line.startsWith('PPid:'))!
      .split('\t')[1]!;
  }
  return false;
}

/** What the page's process has for itself; undefined where the system does not tell. */
function privateMemory(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const sizes = readdirSync('/proc').flatMap((pid) => {
    try {
      if (!lines(pid, 'cmdline')[0]!.includes('--type=renderer') || !isOurs(pid)) return [];
      const parts = lines(pid, 'smaps_rollup').filter((line) => line.startsWith('Private_'));
      return [parts.reduce((sum, line) => sum + Number(/\d+/.exec(line)![0]), 0) * 1024];
    } catch {
      // No process, or one that has ended by now.
      return [];
    }
  });
  return Math.max(...sizes);
}

test.skipIf(!hasBrowser)(
  `a page over 200,000 crossings keeps its memory and its pace${why}`,
  { timeout: 180_000 },
  async () => {
    const race = await servedRace();
    const context = await browser().newContext();
    onTestFinished(() => context.close());
    const tab = await context.newPage();
    await tab.addInitScript({ content: MEASURE });
    await tab.goto(race.url());
    const cdp = await context.newCDPSession(tab);
    const heap = async () => {
      await cdp.send('HeapProfiler.collectGarbage');
      return (await cdp.send('Runtime.getHeapUsage')).usedSize;
    };
    const reads = '[data-field="reads"]';
    const send = async (count: number) => {
      for (let sent = 0; sent < count; sent += AT_ONCE) {
        race.send();
        if (sent % 500 === 0) await sleep(12);
      }
    };
    await send(20_000);
    await text(tab, reads, '2,000');
    const early = { heap: await heap(), frame: median(await framesOf(tab)) };
    await send(TOTAL - 40_000);
    await framesOf(tab);
    await send(20_000);
    await text(tab, reads, '20,000', 30_000);
    const late = { heap: await heap(), frame: median(await framesOf(tab)) };
    const whole = privateMemory();
    if (process.env.RUFUS_FIGURES) console.log({ early, late, privateMiB: (whole ?? 0) / MIB });

    expect(await tab.locator('tbody tr').count()).toBe(50);
    expect(late.heap).toBeLessThan(early.heap + 10 * MIB);
    if (whole !== undefined) expect(whole).toBeLessThan(150 * MIB);
    // On cores that others use, too.
    expect(late.frame).toBeLessThan(2 * early.frame + 8);
    const found = await (await fetch(`${race.url()}/api/runner?bib=17`)).json();
    expect((found as { crossings: unknown[] }).crossings.length).toBeGreaterThan(3);

    // Who comes late sees the same.
    await tab.reload();
    await text(tab, reads, '20,000');
    expect(await tab.locator(reads).allTextContents()).toEqual(DEVICES.map(() => '20,000'));
  },
);
