import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { serveDemoBoard } from 'rufus-client/board';
import { expect, onTestFinished, test, vi } from 'vitest';
import { PROJECT_FOLDER, runChild } from '../support/child.js';
import { Listener, readsOf, stateOf, stateWhen } from './support.js';

test('the demo is a race under way within ten seconds, without a key, and goes on', { timeout: 60_000 }, async () => {
  vi.stubEnv('RUFUS_API_KEY', undefined);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const startedAt = performance.now();
  const board = await serveDemoBoard({ listen: { port: 0 } });
  onTestFinished(() => board.close());
  const state = await stateWhen(board.url, (now) => readsOf(now) > 20_000);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(state.devices.map(({ alias }) => alias)).toEqual([
    'Start',
    '5K',
    '10K',
    '20K',
    'Half',
    '25K',
    '30K',
    '35K',
    '40K',
    'Finish',
  ]);
  expect(state.devices.at(-1)!.reads).toBeGreaterThan(0);
  const before = readsOf(await stateOf(board.url));
  const { recent } = await stateWhen(board.url, (now) => readsOf(now) > before);
  expect(Date.now() - Date.parse(recent[0]!.timestamp)).toBeLessThan(15_000);
  const listener = new Listener(board.url);
  await listener.when(() =>
    listener.heard.some(({ data }) => 'status' in data && Object.values(data.status!)[0]!.battery !== null),
  );
});

test('the demo says what it needs where msw is missing', { timeout: 60_000 }, async () => {
  const ended = await runChild(`
    import { register } from 'node:module';
    const missing = "Cannot find package 'msw' imported from sandbox.js";
    const resolve = 'export const resolve = (name, context, next) => {'
      + 'if (name === "msw") throw new Error(' + JSON.stringify(missing) + '); return next(name, context); }';
    register('data:text/javascript,' + encodeURIComponent(resolve));
    const { serveDemoBoard } = await import('../src/board/index.js');
    await serveDemoBoard({ listen: { port: 0 } }).catch(({ name, message }) => console.log(name, message));
  `);
  // Newer Nodes warn of this test's own `register` on standard error.
  expect(ended).toMatchObject({
    code: 0,
    stdout:
      'RufusConfigError The sandbox needs msw, which is not installed. Install it beside rufus-client: npm install -D msw\n',
  });
});

test('the example serves it, and ends by Ctrl-C', { timeout: 60_000 }, async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/live-board.ts', '--port', '0'], {
    cwd: PROJECT_FOLDER,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = await once(child.stdout, 'data');
  expect((await stateOf(String(line).trim())).title).toBe('Demo marathon');
  child.kill('SIGINT');
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
});
