// The page in a browser.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { RufusClient } from 'rufus-client';
import { Sandbox } from 'rufus-client/testing';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  browserOfFile,
  hasBrowser,
  open,
  openWithClock,
  relayTo,
  SIZES,
  seriousFindings,
  text,
  why,
} from './browser.js';
import { boardOf, company, type Mat, reads, readsOf, startBoard, stateOf, stateWhen } from './support.js';

// A browser is many processes, on cores that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const browser = browserOfFile();

const card = (deviceid: string, field: string) => `[data-deviceid="${deviceid}"] [data-field="${field}"]`;
const LINK = '[data-field="link"]';
const overflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
const computed = (page: Page, selector: string, property: string): Promise<string> =>
  page.evaluate(
    `getComputedStyle(document.querySelector(${JSON.stringify(selector)})).getPropertyValue('${property}')`,
  );
/** What an expression gives for each \`row\` of the last crossings. */
const ofRows = (page: Page, expression: string): Promise<unknown[]> =>
  page.evaluate(`[...document.querySelectorAll('tbody tr')].map((row) => ${expression})`);
const shifts = (page: Page): Promise<number> => page.evaluate('window.shifts');

async function finishLine(aliases = ['Start', 'Finish']) {
  const { line, writer, mats, clientOf } = await company(aliases);
  const [first] = mats as [Mat];
  const board = await boardOf({ client: clientOf(), devices: mats.map(({ deviceid }) => deviceid), title: 'City run' });
  const now = Date.now();
  const live = (bibs: readonly (string | number)[], from = 1) =>
    reads(bibs, from, new Date(now - (from + bibs.length) * 1_000 - 1_000).toISOString());
  return { line, writer, mats, board, first, live, clientOf };
}

describe.skipIf(!hasBrowser)(`the page${why}`, () => {
  const views = Object.entries(SIZES).flatMap(([size, viewport]) =>
    (['light', 'dark'] as const).map((colorScheme) => ({ size, viewport, colorScheme })),
  );

  test.each(views)(
    'on a $size, $colorScheme: shows a race as it comes, still, silent and to everybody',
    async ({ viewport, colorScheme }) => {
      const { writer, mats, board, first, live } = await finishLine(['Start', '10K', 'Half', 'Finish']);
      const { page, complaints } = await open(browser(), board.url, { viewport, colorScheme });
      await text(page, LINK, 'live');
      for (let round = 0; round < 6; round++) {
        for (const { token_session } of mats) {
          await writer.passings.insert(token_session, live([round, round, `W${round}`, 100 + round], 1 + 4 * round));
        }
        await page.waitForTimeout(60);
      }
      await stateWhen(board.url, (state) => readsOf(state) === 96);
      for (const { deviceid } of mats) {
        await text(page, card(deviceid, 'reads'), '24');
        await text(page, card(deviceid, 'runners'), '18');
      }
      const { recent } = await stateOf(board.url);
      const shown = await ofRows(page, 'row.dataset.crossing');
      expect(shown).toEqual(
        recent.map(({ deviceid, session, num_passing }) => `${deviceid}:${session}:${num_passing}`),
      );
      expect(shown).toHaveLength(50);
      expect(await page.title()).toBe('City run');
      expect(await page.locator('tbody tr').first().textContent()).toContain('105');

      expect(await overflow(page)).toBe(0);
      expect(await shifts(page)).toBeLessThan(0.01);
      expect(await seriousFindings(page)).toEqual([]);

      await page.reload();
      await text(page, card(first.deviceid, 'reads'), '24');
      expect(complaints).toEqual([]);
    },
  );

  test('on a wall: large, with nothing to press and nothing to scroll', async () => {
    const { writer, board, first, live } = await finishLine(['Start', '10K', 'Half', '30K', 'Finish']);
    await writer.passings.insert(first.token_session, live(Array.from({ length: 60 }, (_, index) => index)));
    const { page, complaints } = await open(browser(), `${board.url}/?view=wall`);
    await text(page, card(first.deviceid, 'reads'), '60');
    expect(await page.locator('button, input, a, select').count()).toBe(0);
    const box =
      'document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth';
    expect(await page.evaluate(box)).toBe(true);
    const size = async (selector: string) => Number.parseFloat(await computed(page, selector, 'font-size'));
    expect(await size('[data-field="runners"]')).toBeGreaterThan(60);
    expect(await size('tbody td.bib')).toBeGreaterThan(30);
    expect(await seriousFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('finds a bib, by keyboard alone, and goes on with it', async () => {
    const { writer, mats, board } = await finishLine(['Start', 'Half', 'Finish']);
    const at = async (mat: number, timestamp: string, bib: string, num_passing = 1) =>
      writer.passings.insert(mats[mat]!.token_session, [{ num_passing, bib, timestamp }]);
    await at(0, '2026-04-20T09:00:00.000Z', '17');
    await at(1, '2026-04-20T10:02:03.400Z', '17');
    const { page, complaints } = await open(browser(), board.url, { viewport: SIZES.phone });
    await text(page, card(mats[1]!.deviceid, 'reads'), '1');
    await page.keyboard.press('/');
    await page.keyboard.type('17');
    const rows = page.locator('dialog tbody tr');
    await expect.poll(() => rows.count()).toBe(2);
    expect(await rows.allInnerTexts()).toEqual(['Start\t11:00:00.0\t\t', 'Half\t12:02:03.4\t1:02:03.4\t1:02:03.4']);
    await at(2, '2026-04-20T11:00:00.000Z', '17');
    await expect.poll(() => rows.count(), { timeout: 6_000 }).toBe(3);
    expect((await rows.allInnerTexts())[2]).toBe('Finish\t13:00:00.0\t57:56.6\t2:00:00.0');
    expect(await seriousFindings(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);

    await page.keyboard.press('Control+A');
    await page.keyboard.type('<img src=x onerror=alert(1)>');
    await text(page, 'dialog [role="status"]', 'No crossing of <img src=x onerror=alert(1)> so far.');
    await page.keyboard.press('Escape');
    await expect.poll(() => page.locator('dialog').isVisible()).toBe(false);
    await page.keyboard.press('Tab');
    expect(complaints).toEqual([]);
  });

  test.each(Object.entries(SIZES))(
    'shows hostile bibs, names and titles as the text that they are (%s)',
    async (_, viewport) => {
      const HOSTILE = [
        '<img src=x onerror=alert(1)>',
        '"><script>alert(1)</script>',
        'javascript:alert(1)',
        '\u202e\u05e9\u05dc\u05d5\u05dd 17',
        '🏃‍♀️🏁👩🏽‍🦽',
        'x'.repeat(200),
        '$& $1 {{7*7}} <%= 7*7 %>',
        'bib\u0000\u0007\nline\u2028',
        '__proto__',
      ];
      const { writer, mats, board, clientOf } = await finishLine(HOSTILE.map((alias) => alias.replace('\u0000', '')));
      const titled = await boardOf({
        client: clientOf(),
        devices: mats.map(({ deviceid }) => deviceid),
        title: HOSTILE.join(' '),
      });
      for (const [index, { token_session }] of mats.entries()) {
        await writer.passings.insert(token_session, [
          { num_passing: 1, bib: HOSTILE[index]!, chip: HOSTILE[index]!, timestamp: new Date() },
        ]);
      }
      const { page, complaints } = await open(browser(), titled.url, { viewport });
      await stateWhen(board.url, (state) => readsOf(state) === HOSTILE.length);
      await expect.poll(() => page.locator('tbody tr').count()).toBe(HOSTILE.length);
      const shown = await page.locator('tbody td.bib').allTextContents();
      expect([...shown].sort()).toEqual([...HOSTILE].sort());
      expect(await page.evaluate('window.pwned')).toBeUndefined();
      expect(await page.locator('img, [onerror]').count()).toBe(0);
      expect(await page.locator('script').count()).toBe(1);
      expect(await overflow(page)).toBe(0);
      const heights = new Set(await ofRows(page, 'row.offsetHeight'));
      expect(heights.size).toBe(1);
      expect(complaints).toEqual([]);
    },
  );

  test('says in words and colour since when RUFUS does not answer, and when it does again', async () => {
    const { line, writer, board, first: mat, live } = await finishLine();
    const { page, complaints } = await open(browser(), board.url);
    await text(page, LINK, 'live');
    const colour = () => computed(page, LINK, 'color');
    const calm = await colour();
    line.state = 'cut';
    await text(page, LINK, /^no answer for \d+ s$/);
    const seconds = async () => Number.parseInt((await page.locator(LINK).textContent())!.split(' ')[3]!, 10);
    const first = await seconds();
    await expect.poll(seconds, { timeout: 10_000 }).toBeGreaterThan(first + 1);
    expect(await colour()).not.toBe(calm);
    await text(page, '.facts', /^No answer from RUFUS since \d\d:\d\d:\d\d\. Crossings may be missing here\.$/);
    // A screen reader hears the sentence, not the seconds.
    await text(page, 'header > [role="status"]', /^No answer from RUFUS since/);
    expect(await seriousFindings(page)).toEqual([]);
    line.state = 403;
    await text(page, LINK, 'key refused');
    await writer.passings.insert(mat.token_session, live([1, 2, 3]));
    line.state = 'up';
    await text(page, LINK, 'live');
    await text(page, card(mat.deviceid, 'reads'), '3');
    expect(await colour()).toBe(calm);
    expect(complaints).toEqual([]);
  });

  test('says that its server is gone, and is right again after kill -9 and a restart', {
    timeout: 60_000,
  }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rufus-board-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const sandbox = new Sandbox();
    const server = await sandbox.listen();
    onTestFinished(() => server.close());
    const writer = new RufusClient({ apiKey: sandbox.keys.readWrite, dispatcher: sandbox.dispatcher });
    const { deviceid } = await writer.devices.bind({
      type: 'reader',
      model: 'R1',
      serial_number: '1',
      alias: 'Finish',
    });
    const { token_session } = await writer.sessions.create({ deviceid });
    await writer.passings.insertMany(token_session, reads(Array.from({ length: 500 }, (_, index) => index % 300)));
    const env = { URL_OF: server.url, KEY: sandbox.keys.read, DEVICE: deviceid, STATE: join(folder, 'race.board') };
    const { child, url } = await startBoard(env);
    const { page } = await open(browser(), url);
    await text(page, card(deviceid, 'reads'), '500');
    child.kill('SIGKILL');
    await text(page, LINK, /^board silent for \d+ s$/);
    await text(page, '.facts', /^No word from the board's server since \d\d:\d\d:\d\d\. What you see is from then\.$/);
    await writer.passings.insertMany(token_session, reads([1, 2, 999], 501));
    await startBoard({ ...env, PORT: new URL(url).port });
    await text(page, LINK, 'live', 20_000);
    await text(page, card(deviceid, 'reads'), '503');
    await text(page, card(deviceid, 'runners'), '301');
  });

  test('after an hour of sleep shows the truth within a second', async () => {
    const { writer, board, first, live } = await finishLine();
    const relay = await relayTo(board.url);
    const page = await openWithClock(browser(), relay.url);
    await writer.passings.insert(first.token_session, live([1, 2]));
    await text(page, card(first.deviceid, 'reads'), '2');
    // The lid is closed: the connection is dead, and the page does not know.
    relay.silence();
    await writer.passings.insert(first.token_session, live([3, 4, 5], 3));
    await stateWhen(board.url, (state) => readsOf(state) === 5);
    await page.waitForTimeout(300);
    expect(await page.locator(card(first.deviceid, 'reads')).textContent()).toBe('2');
    await page.clock.pauseAt(Date.now() + 1_000);
    await page.clock.fastForward('01:00:00');
    // Its own time, frame by frame: the machine may be busy with other things.
    const reads = page.locator(card(first.deviceid, 'reads'));
    let frames = 0;
    while ((await reads.textContent()) !== '5' && frames < 60) {
      await page.clock.runFor(16);
      frames++;
    }
    expect(await reads.textContent()).toBe('5');
    expect(await page.locator(LINK).textContent()).toBe('live');
  });

  test.each([
    ['that hangs for good', false],
    ['whose connection alone is dead', true],
  ])('does not show a board %s as live for longer than three beats', async (_, isThere) => {
    const { writer, board, first, live } = await finishLine();
    const relay = await relayTo(board.url);
    const page = await openWithClock(browser(), relay.url);
    await writer.passings.insert(first.token_session, live([1]));
    await text(page, card(first.deviceid, 'reads'), '1');
    relay.silence();
    await writer.passings.insert(first.token_session, live([2], 2));
    if (!isThere) await board.close();
    await page.clock.runFor(14_000);
    await text(page, LINK, isThere ? 'live' : /^board silent for 1\d s$/);
    await text(page, card(first.deviceid, 'reads'), isThere ? '2' : '1');
  });

  test('wants the token, takes it from behind the #, and sends it in no address', async () => {
    const { mats, clientOf } = await company(['Finish']);
    const board = await boardOf({ client: clientOf(), devices: [mats[0]!.deviceid], token: 'not-for-everybody' });
    const { page } = await open(browser(), board.url);
    await text(page, 'main', /This board wants its token/);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(`${board.url}/#token=not-for-everybody`);
    await text(page, LINK, 'live');
    await page.reload();
    await text(page, LINK, 'live');
    expect(asked.filter((url) => url.includes('not-for-everybody'))).toEqual([]);
  });

  test('a frame of another page stays empty, and its script cannot read a thing', async () => {
    const { writer, board, first, live } = await finishLine();
    await writer.passings.insert(first.token_session, live([1]));
    const evil = createServer((_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(`<iframe src="${board.url}/"></iframe><script>
        Promise.all(['/api/state', '/events'].map((path) => fetch('${board.url}' + path).then(() => 'read', () => 'refused')))
          .then((answers) => { document.title = answers.join(); });
      </script>`);
    }).listen(0, '127.0.0.1');
    await once(evil, 'listening');
    onTestFinished(() => {
      evil.close();
      evil.closeAllConnections();
    });
    const context = await browser().newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(`http://localhost:${(evil.address() as AddressInfo).port}/`);
    await expect.poll(() => page.title()).toBe('refused,refused');
    const [, frame] = page.frames();
    expect(await frame!.locator('[data-field]').count()).toBe(0);
  });
});

test('brings the licenses of what is bundled into it', async () => {
  const { pageHtml } = await import('../../src/board/page-html.js');
  const [comment] = /<!--.*?-->/s.exec(await pageHtml())!;
  for (const library of ['preact', 'uplot']) expect(comment).toMatch(new RegExp(`^${library} \\d+\\.`, 'm'));
  expect(comment.match(/Permission is hereby granted/g)).toHaveLength(2);
});

test('is at most 60 kB, gzipped', async () => {
  const { pageHtml } = await import('../../src/board/page-html.js');
  const html = await pageHtml();
  const { length } = gzipSync(html, { level: 9 });
  if (process.env.RUFUS_FIGURES) console.log(`page: ${html.length} bytes, ${length} gzipped`);
  expect(length).toBeLessThan(60_000);
});
