// Decoders send, the process is killed at random: what was answered `ok` is on the server once, under that number; what was
// answered `error` is in the file of rejected lines once.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Random } from '../../outbox/disk/random.js';
import { Decoder, portOf, rig, TIME } from './support/rig.js';

const KILLS = 5;
const DECODERS = 4;

test('what was answered before a kill holds', { timeout: 120_000 }, async () => {
  const random = new Random(7);
  const { forward, link, stored, rejected } = await rig();
  const said = new Map<string, string>();
  let id = 0;
  for (let life = 0; life < KILLS; life++) {
    link.state = life % 2 > 0 ? 'cut' : 'up';
    const forwarding = forward([
      '--listen',
      '127.0.0.1:0',
      '--replies',
      '--columns',
      'timestamp,bib',
      '--timeout',
      '500ms',
    ]);
    const port = await portOf(forwarding);
    const before = said.size;
    const decoders: Decoder[] = [];
    const racing = Array.from({ length: DECODERS }, async () => {
      const decoder = await Decoder.connect(port);
      decoders.push(decoder);
      const sent: string[] = [];
      while (!decoder.socket.closed) {
        // Never again what was not answered: it may be on disk.
        for (let burst = random.int(8); burst >= 0; burst--) {
          const name = `${id % 9 === 5 ? 'bad' : 'n'}${id++}`;
          sent.push(name);
          decoder.send(name.startsWith('bad') ? `${name}\n` : `${TIME},${name}\n`);
        }
        await sleep(random.int(5));
      }
      decoder.answers.forEach((answer, index) => {
        said.set(sent[index]!, answer);
      });
    });
    while (decoders.every(({ answers }) => answers.length === 0)) await sleep(5);
    await sleep(100 + random.int(400));
    forwarding.child.kill('SIGKILL');
    await Promise.all(racing);
    await forwarding.ended;
    expect(said.size).toBeGreaterThan(before);
  }
  link.state = 'up';
  const last = forward(['--stdin']);
  last.child.stdin.end();
  expect((await last.ended).code).toBe(0);

  const numbers = new Map<string, number[]>();
  for (const { bib, num_passing } of stored()) numbers.set(bib, [...(numbers.get(bib) ?? []), num_passing]);
  const kept = rejected().map(({ line, reason }) => [line, `error ${reason}`] as const);
  let [oks, errors] = [0, 0];
  for (const [name, answer] of said) {
    if (name.startsWith('bad')) {
      errors++;
      expect(kept.filter(([line]) => line === name)).toEqual([[name, answer]]);
    } else {
      oks++;
      expect(numbers.get(name)?.map((number) => `ok ${number}`)).toEqual([answer]);
    }
  }
  expect(oks).toBeGreaterThan(50);
  expect(errors).toBeGreaterThan(5);
  for (const [name, places] of numbers) expect([name, places.length]).toEqual([name, 1]);
});
