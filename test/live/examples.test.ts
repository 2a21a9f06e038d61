import { expect, test, vi } from 'vitest';
import { runScript } from '../support/child.js';

// Each example is a process of its own, on cores that may be busy.
vi.setConfig({ testTimeout: 150_000 });

test('follow-to-sqlite stores every crossing once, although it crashed', async () => {
  const { code, stdout, stderr } = await runScript('examples/follow-to-sqlite.ts');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [, total] = /^(\d+) crossings will come/m.exec(stdout) ?? [];
  expect(stdout).toContain('a crash, and a new start');
  expect(stdout).toContain(`${total} stored, 0 of them twice, 0 missing`);
  const hasSqlite = process.versions.node.localeCompare('22.13', 'en', { numeric: true }) >= 0;
  expect(stdout).toContain(hasSqlite ? 'SQLite: from after passing' : 'has no node:sqlite');
});

test('follow-to-sqlite asks which device, before it goes live', async () => {
  const ended = await runScript('examples/follow-to-sqlite.ts', ['--live'], {
    RUFUS_API_KEY: 'ror-0123456789abcdef0123',
  });
  expect(ended.code).toBe(2);
  expect(ended.stderr).toContain('--device');
});
