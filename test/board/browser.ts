// A real Chromium, Debian's, driven over its own protocol; and what is held against every page.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';

const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'];
const place = PLACES.find((path) => path !== undefined && existsSync(path));

export const hasBrowser = place !== undefined;
/** For the name of what is skipped. */
export const why = hasBrowser ? '' : ' (skipped: no Chromium here; install it, or name it in CHROMIUM)';

/** With an empty profile of its own; talks to nobody but the page's server. */
function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: place!,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** One for all tests of a file. */
export function browserOfFile(): () => Browser {
  let browser: Browser;
  beforeAll(async () => {
    if (hasBrowser) browser = await launch();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
  });
  return () => browser;
}

export const SIZES = { phone: { width: 390, height: 844 }, desk: { width: 1920, height: 1080 } } as const;

/** Adds up what moves on the page, and lets nobody's script run unnoticed. */
const WATCH = `
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
  window.alert = () => { window.pwned = true; };
`;

export interface Watched {
  readonly page: Page;
  /** What nobody wants to see: errors on the console, requests to elsewhere. */
  readonly complaints: string[];
}

/** Opens a page, and closes it at the end of the test. */
export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ locale: 'en-GB', viewport: SIZES.desk, ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error.stack)));
  page.on('dialog', (dialog) => complaints.push(`dialog: ${dialog.message()}`));
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== 'data:' && origin !== new URL(url).origin) complaints.push(`asked ${request.url()}`);
  });
  await page.addInitScript({ content: WATCH });
  await page.goto(url);
  return { page, complaints };
}

/** Opens a page whose clock the test can move on. */
export async function openWithClock(browser: Browser, url: string): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-GB' });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  await page.clock.install();
  await page.goto(url);
  return page;
}

/** Waits for the text of an element, or for a part of it. */
export async function text(page: Page, selector: string, expected: string | RegExp, timeoutMs = 20_000): Promise<void> {
  await expect
    .poll(() => page.locator(selector).first().textContent({ timeout: timeoutMs }), {
      timeout: timeoutMs,
      interval: 25,
    })
    .toMatch(
      typeof expected === 'string' ? new RegExp(`^${expected.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`) : expected,
    );
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds that is serious or worse. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(`${axe};0`);
  return page.evaluate(`axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + ' ' + target + ' ' + failureSummary)))`);
}

/** A relay to a server. Once it is silenced, what is connected hears nothing more, and does not learn that it is so: a laptop that slept. */
export async function relayTo(url: string) {
  const port = Number(new URL(url).port);
  const pairs = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) {
      pairs.add(socket);
      socket.on('error', () => {});
    }
    near.on('close', () => far.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of pairs) socket.destroy();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    silence(): void {
      for (const socket of pairs) socket.unpipe().pause();
    },
  };
}
