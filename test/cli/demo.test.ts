import { RufusClient } from 'rufus-client';
import { expect, test } from 'vitest';
import { BIN, rufus, start } from './support/rufus.js';

test('rufus demo runs a race, and prints an environment that a shell can take over', async () => {
  const { code, stdout, stderr } = await rufus(['demo']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^# A race on the RUFUS sandbox: 900 passings of 300 runners, sent and read back\.\n/);
  for (const line of stdout.trim().split('\n')) expect(line).toMatch(/^(#.*|export \S+=\S+|)$/);
});

test.runIf(process.platform !== 'win32')(
  'with --keep the other commands can be tried on it, until Ctrl-C',
  async () => {
    const { output, child, ended, printed } = start(['demo', '--keep', '--runners', '40']);
    await printed(/Ctrl-C ends it.*\n/);
    const variable = (name: string) => new RegExp(`^export ${name}=(.*)$`, 'm').exec(output.stdout)![1]!;
    const env = { RUFUS_BASE_URL: variable('RUFUS_BASE_URL'), RUFUS_API_KEY: variable('RUFUS_API_KEY') };
    await using client = new RufusClient({ apiKey: env.RUFUS_API_KEY, baseUrl: env.RUFUS_BASE_URL });
    const aliases = (await client.devices.list()).items.map(({ alias }) => alias);
    expect(aliases).toEqual(['Start', '5K', 'Finish']);
    const [, session] = /passings export --session ([0-9A-F]{64})/.exec(output.stdout)!;
    const exported = await rufus(['passings', 'export', '--session', session!], { env, bin: BIN });
    expect(exported.stdout.split('\r\n')).toHaveLength(42);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  },
);
