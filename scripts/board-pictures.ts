// The pictures of the live board in docs/images, of the demo's marathon: npx tsx scripts/board-pictures.ts
// Needs Debian's packages chromium, pngquant and fonts-inter.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { serveDemoBoard } from '../src/board/index.js';

const FOLDER = 'docs/images';
const DESK = { viewport: { width: 1920, height: 1080 }, deviceScaleFactor: 1 };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };

const PICTURES = [
  { name: 'board-desk-light', colorScheme: 'light', path: '/', ...DESK },
  { name: 'board-desk-dark', colorScheme: 'dark', path: '/', ...DESK },
  { name: 'board-phone-light', colorScheme: 'light', path: '/', ...PHONE },
  { name: 'board-phone-dark', colorScheme: 'dark', path: '/', ...PHONE },
  { name: 'board-wall-dark', colorScheme: 'dark', path: '/?view=wall', ...DESK },
] as const;

const board = await serveDemoBoard({ listen: { port: 0 }, title: 'City marathon', timeZone: 'Europe/Madrid' });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
mkdirSync(FOLDER, { recursive: true });
for (const { name, path, ...look } of PICTURES) {
  const context = await browser.newContext({ ...look, locale: 'en-GB' });
  const page = await context.newPage();
  await page.goto(board.url + path);
  await page.waitForSelector('[data-field="reads"]');
  await page.waitForTimeout(2_500);
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
  await context.close();
}
await browser.close();
await board.close();
const files = PICTURES.map(({ name }) => `${FOLDER}/${name}.png`);
execFileSync('pngquant', ['--force', '--ext', '.png', '--strip', '--speed', '1', '64', ...files]);
