// `rufus forward` with each of its inputs, as a child process.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { append, Decoder, HEADER, line, portOf, residentMiB, rig, TIME, until } from './support/rig.js';

describe('--stdin', () => {
  test('brings the lines of a pipe, and ends when all is delivered', async () => {
    const { forward, stored, rejected } = await rig();
    const { child, ended } = forward(['--stdin']);
    child.stdin.end(`${HEADER + line(17)}bad,18\n${line(19)}`);
    expect(await ended).toMatchObject({ code: 0, stdout: '' });
    expect(stored()).toMatchObject([
      { num_passing: 1, bib: '17', timestamp: TIME },
      { num_passing: 2, bib: '19', timestamp: TIME },
    ]);
    const reason = 'timestamp: expected ISO 8601, such as 2024-04-21T09:30:00.000Z';
    expect(rejected()).toEqual([{ time: expect.any(String), source: 'stdin', reason, line: 'bad,18' }]);
  });

  test('takes JSON lines, columns, delimiters, zones and dates', async () => {
    const { forward, stored } = await rig();
    const json = forward(['--stdin']);
    json.child.stdin.end(`{"bib":"1","timestamp":"2024-04-21T11:30:00.1239+02:00","latitude":41.38}\n`);
    expect((await json.ended).code).toBe(0);
    const csv = forward([
      '--stdin',
      '--columns',
      'bib,,timestamp',
      '--delimiter',
      '\\t',
      '--timezone',
      'Europe/Madrid',
      '--date',
      '2024-04-21T18:00',
    ]);
    csv.child.stdin.end('2\tx\t18:00:00,5\n3\ty\t00:00:00\n');
    expect((await csv.ended).code).toBe(0);
    expect(stored().map(({ bib, timestamp }) => [bib, timestamp])).toEqual([
      ['1', '2024-04-21T09:30:00.123Z'],
      ['2', '2024-04-21T16:00:00.500Z'],
      ['3', '2024-04-21T22:00:00.000Z'],
    ]);
  });

  test('keeps a last line without a line break as a rejected one', async () => {
    const { forward, bibs, rejected } = await rig();
    const { child, ended } = forward(['--stdin']);
    child.stdin.end(HEADER + line(17) + line(1234).slice(0, -3));
    expect((await ended).code).toBe(0);
    expect(bibs()).toEqual(['17']);
    expect(rejected()).toMatchObject([
      { reason: 'the input ended in this line: it has no line break', line: `${TIME},12` },
    ]);
  });

  test('ends with exit code 6 where passings are left when --drain is over, and the next run delivers them', async () => {
    const { forward, link, bibs, outbox } = await rig();
    const first = forward(['--stdin', '--drain', '300ms', '--http', '0']);
    await first.printed(/Health/, 'stderr');
    link.state = 503;
    first.child.stdin.end(HEADER + line(1));
    const { code, stderr } = await first.ended;
    expect(code).toBe(6);
    expect(stderr).toContain(`1 passings are in ${outbox} and not delivered: run the same command again to go on.`);
    link.state = 'up';
    const second = forward(['--stdin']);
    second.child.stdin.end();
    expect((await second.ended).code).toBe(0);
    expect(bibs()).toEqual(['1']);
  });

  test('ends with exit code 6 where passings are parked', async () => {
    const { forward, client, token_session, outbox } = await rig();
    const { child, ended, printed } = forward(['--stdin', '--session', token_session, '--http', '0']);
    await printed(/Health/, 'stderr');
    await client.sessions.close(token_session);
    child.stdin.end(HEADER + line(1));
    const { code, stderr } = await ended;
    expect(code).toBe(6);
    expect(stderr).toContain(`1 passings are parked: see rufus outbox parked ${outbox}`);
  });
});

describe('--listen', () => {
  test('answers each line in its order once it is on disk, and each bad one once it is in the file', async () => {
    const { forward, stored, rejected, delivered } = await rig();
    const forwarding = forward(['--listen', '127.0.0.1:0', '--replies']);
    const decoder = await Decoder.connect(await portOf(forwarding));
    decoder.send(`${HEADER + line(1)}bad,2\n${line(3)}\n${line(4)}${TIME},"5\n`);
    expect(await decoder.answered(5)).toEqual([
      'ok 1',
      'error timestamp: expected ISO 8601, such as 2024-04-21T09:30:00.000Z',
      'ok 2',
      'ok 3',
      'error has a quote that is not closed',
    ]);
    expect(rejected().map((entry) => entry.line)).toEqual(['bad,2', `${TIME},"5`]);
    expect(rejected()[0]!.source).toMatch(/^listen:127\.0\.0\.1:\d+$/);
    await delivered(3);
    expect(stored().map(({ num_passing, bib }) => [num_passing, bib])).toEqual([
      [1, '1'],
      [2, '3'],
      [3, '4'],
    ]);
  });

  test('serves any number of decoders, each with its header, in the order of its lines', async () => {
    const { forward, stored, delivered } = await rig();
    const port = await portOf(forward(['--listen', '127.0.0.1:0', '--replies']));
    const decoders = await Promise.all(Array.from({ length: 20 }, () => Decoder.connect(port)));
    const told = await Promise.all(
      decoders.map(async (decoder, index) => {
        decoder.send(index % 2 > 0 ? 'bib,timestamp\n' : HEADER);
        for (let number = 0; number < 50; number++) {
          const bib = `${index}-${number}`;
          const text = index % 2 > 0 ? `${bib},${TIME}\n` : line(bib);
          // Whole lines and halves, one by one and several at once.
          decoder.send(text.slice(0, 9));
          if (number % 7 === 0) await sleep(1);
          decoder.send(text.slice(9));
        }
        return (await decoder.answered(50)).map(
          (answer, number) => [Number(answer.slice(3)), `${index}-${number}`] as const,
        );
      }),
    );
    await delivered(1_000);
    expect(stored().map(({ num_passing, bib }) => [num_passing, bib])).toEqual(
      told.flat().sort(([one], [other]) => one - other),
    );
  });

  test('takes half a line at the end of a connection for none, and answers what came before', async () => {
    const { forward, bibs, delivered, rejected } = await rig();
    const forwarding = forward(['--listen', '127.0.0.1:0', '--replies', '--columns', 'timestamp,bib']);
    const decoder = await Decoder.connect(await portOf(forwarding));
    decoder.socket.end(line(1) + line(234).slice(0, -2));
    expect(await decoder.answered(1)).toEqual(['ok 1']);
    await until(() => decoder.socket.closed);
    const other = await Decoder.connect(await portOf(forwarding));
    other.send(line(5));
    await delivered(2);
    expect([bibs(), rejected()]).toEqual([['1', '5'], []]);
    await forwarding.printed(/ended in the middle of a line: its last 27 bytes are no line/, 'stderr');
  });

  test('without --replies says nothing', async () => {
    const { forward, delivered } = await rig();
    const decoder = await Decoder.connect(await portOf(forward(['--listen', '127.0.0.1:0'])));
    decoder.send(HEADER + line(1));
    await delivered(1);
    decoder.socket.end();
    await until(() => decoder.socket.closed);
    expect(decoder.answers).toEqual([]);
  });

  test('turns away a 65th decoder, and takes it when there is room', async () => {
    const { forward, delivered } = await rig();
    const port = await portOf(forward(['--listen', '127.0.0.1:0', '--replies', '--columns', 'timestamp,bib']));
    const decoders = await Promise.all(Array.from({ length: 64 }, () => Decoder.connect(port)));
    for (const decoder of decoders) decoder.send(line(1));
    await Promise.all(decoders.map((decoder) => decoder.answered(1)));
    const late = await Decoder.connect(port);
    await until(() => late.socket.closed);
    decoders[0]!.socket.destroy();
    await until(async () => {
      const again = await Decoder.connect(port);
      again.send(line(2));
      await until(() => again.socket.closed || again.answers.length > 0);
      return again.answers.length > 0;
    });
    await delivered(65);
  });

  test('keeps its memory and its other decoders from one that never ends a line, and from one that reads no answers', async () => {
    const { forward, delivered, rejected } = await rig();
    const forwarding = forward(['--listen', '127.0.0.1:0', '--replies', '--columns', 'timestamp,bib']);
    const port = await portOf(forwarding);
    const [endless, deaf, good] = await Promise.all([0, 1, 2].map(() => Decoder.connect(port)));
    deaf!.socket.pause();
    const flood = 'x\n'.repeat(32_768);
    const chunk = 'y'.repeat(65_536);
    let written = 0;
    for (let round = 0; round < 1_500; round++) {
      endless!.send(chunk);
      await until(() => endless!.socket.writableLength < 1e6);
      if (deaf!.socket.writableLength > 1e6) continue;
      deaf!.send(flood);
      written++;
    }
    good!.send(line(1));
    expect(await good!.answered(1)).toEqual(['ok 1']);
    await delivered(1);
    endless!.send(`\n${line(2)}`);
    expect(await endless!.answered(2)).toEqual(['error longer than 64 KiB', 'ok 2']);
    const tooLong = rejected().find(({ reason }) => reason === 'longer than 64 KiB');
    expect(tooLong).toMatchObject({ line: chunk, bytes: 1_500 * 65_536 + 1 });
    // What is not answered is not read: of what was offered, a part is still on its way.
    expect(written).toBeLessThan(1_400);
    expect(residentMiB(forwarding.child.pid!)).toBeLessThan(200);
  });

  test('says what is wrong with an address', async () => {
    const { forward } = await rig();
    const port = await portOf(forward(['--listen', '127.0.0.1:0']));
    const taken = await rig();
    const second = await taken.forward(['--listen', `127.0.0.1:${port}`]).ended;
    expect(second).toMatchObject({
      code: 1,
      stderr: `rufus: --listen 127.0.0.1:${port} cannot be used: something else listens there.\n`,
    });
    const unclear = await taken.forward(['--listen', 'finish']).ended;
    expect(unclear.code).toBe(2);
    expect(unclear.stderr).toContain('Write it as HOST:PORT, such as 0.0.0.0:5000 or [::1]:5000.');
  });
});

describe('--connect', () => {
  async function decoderServer() {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket.on('error', () => {}));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return { server, sockets, port: (server.address() as { port: number }).port };
  }

  test('connects again whenever the decoder hangs up, and takes no half line', async () => {
    const { forward, bibs, delivered } = await rig();
    const { sockets, port } = await decoderServer();
    forward(['--connect', `127.0.0.1:${port}`, '--replies', '--columns', 'timestamp,bib']);
    for (let life = 1; life <= 4; life++) {
      await until(() => sockets.length >= life);
      const socket = sockets[life - 1]!;
      socket.write(line(life) + line(1234).slice(0, -2));
      expect(String((await once(socket, 'data'))[0])).toBe(`ok ${life}\n`);
      if (life % 2 > 0) socket.destroy();
      else socket.end();
    }
    await delivered(4);
    expect(bibs()).toEqual(['1', '2', '3', '4']);
  });

  test('waits for a decoder that does not listen yet', async () => {
    const { forward, delivered } = await rig();
    const { server, port } = await decoderServer();
    server.close();
    const forwarding = forward(['--connect', `127.0.0.1:${port}`]);
    await forwarding.printed(/does not answer; trying again until it does/, 'stderr');
    const later = createServer((socket) => void socket.write(HEADER + line(1)));
    later.listen(port, '127.0.0.1');
    onTestFinished(() => void later.close());
    await delivered(1);
    forwarding.child.kill('SIGTERM');
    expect((await forwarding.ended).code).toBe(143);
  });
});

describe('--tail', () => {
  test('goes on where it was, in another process', async () => {
    const { forward, bibs, delivered, file, folder } = await rig();
    const path = file('finish.csv', HEADER + line(1));
    const first = forward(['--tail', 'finish.csv'], { cwd: folder });
    await delivered(1);
    first.child.kill('SIGKILL');
    await first.ended;
    append(path, line(2) + line(34).slice(0, -2));
    const second = forward(['--tail', path]);
    await delivered(2);
    append(path, '4\n');
    await delivered(3);
    second.child.kill('SIGTERM');
    expect((await second.ended).code).toBe(143);
    expect(bibs()).toEqual(['1', '2', '34']);
  });
});

describe('misuse', () => {
  test.each([
    [[], 'Give one input: --tail FILE, --listen HOST:PORT, --connect HOST:PORT or --stdin.'],
    [['--stdin', '--tail', 'x'], 'Give one input: --tail FILE, --listen HOST:PORT, --connect HOST:PORT or --stdin.'],
    [['--tail', 'x', '--replies'], '--replies goes with --listen and --connect.'],
    [['--tail', 'x', '--drain', '5s'], '--drain goes with --stdin: the other inputs have no end.'],
    [['--stdin', '--timezone', 'Mars'], '--timezone takes a name such as Europe/Madrid; there is no "Mars".'],
    [['--stdin', '--columns', 'bib'], '--columns names no timestamp.'],
    [['--tail', '/'], '--tail takes a file, and / is none. A pipe: --stdin.'],
    [['--stdin', '--api-key-file', '-'], 'Standard input can hold the key or the lines, not both.'],
    [['--stdin', '--bibs', '/no/such/file'], 'The file of --bibs cannot be used: /no/such/file: ENOENT.'],
  ])('%j', async (args, message) => {
    const { forward } = await rig();
    expect(await forward(args).ended).toMatchObject({ code: 2, stdout: '', stderr: `rufus: ${message}\n` });
  });

  test('a folder that is in use, and a file of rejected lines that cannot be written', async () => {
    const { forward, folder } = await rig();
    const port = await portOf(forward(['--listen', '127.0.0.1:0']));
    expect(port).toBeGreaterThan(0);
    const second = await forward(['--stdin']).ended;
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/^rufus: [^\n]+\n$/);
    const other = await rig();
    const third = await other.forward(['--stdin', '--rejected', folder]).ended;
    expect(third).toMatchObject({ code: 1 });
    expect(third.stderr).toContain(`The file of rejected lines ${folder} cannot be written (EISDIR): see --rejected.`);
  });
});
