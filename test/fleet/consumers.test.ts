// F3: what consumers may rely on.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { type FleetBatch, FleetUnavailableError } from '../../src/fleet/index.js';
import { RufusAbortError, RufusConfigError } from '../../src/index.js';
import { rejection } from '../support/client.js';
import { consuming, opened, Results, until } from './support/fleet.js';
import { batchOf, desk } from './support/logs.js';
import { connected, describeWithServer, oneServer } from './support/nats-server.js';
import { WorkerProcess } from './support/processes.js';
import { KEY, raceApi } from './support/race-api.js';

const never = new AbortController().signal;

/** A stream with so many batches of each device, one passing each. */
async function filled({ devices = 1, batches = 1, leaseMs = 500 } = {}) {
  const { api, client } = await raceApi();
  const server = await oneServer();
  const nats = await connected(server);
  const fleet = await opened({ client, nats, leaseMs });
  const { log } = await desk({ client, nats });
  const ids = Array.from({ length: devices }, (_, index) => `D${index}`);
  const logs = new Map(await Promise.all(ids.map(async (id) => [id, log(id)] as const)));
  const write = async (id: string, first: number, count: number): Promise<void> => {
    for (let number = first; number < first + count; number++)
      await logs.get(id)!.append(batchOf(number, 1, id), never);
  };
  await Promise.all([...logs.values()].map((each) => each.open()));
  await Promise.all(ids.map((id) => write(id, 1, batches)));
  return { api, client, server, nats, fleet, ids, write };
}

async function next(batches: AsyncIterator<FleetBatch>): Promise<FleetBatch> {
  const { value } = await batches.next();
  return value as FleetBatch;
}
const numberOf = ({ passings }: FleetBatch) => passings[0]!.num_passing;

describeWithServer('a consumer', () => {
  it('gets what is stored, oldest first, once, and goes on where it acknowledged', async () => {
    const { fleet, write, ids } = await filled({ devices: 3, batches: 5 });
    const results = new Results();
    const consumer = consuming(fleet, results);
    await until(() => results.rows.size === 15, 'all came');
    await consumer.stop();
    for (const id of ids) {
      expect(results.order.filter((key) => key.startsWith(id))).toEqual([1, 2, 3, 4, 5].map((n) => `${id}/${n}`));
    }
    expect(results.batches).toBe(15);
    await write('D1', 6, 2);
    const later = new Results();
    consuming(fleet, later);
    await until(() => later.rows.size === 2, 'the new ones came');
    const other = new Results();
    consuming(fleet, other, 'Ein *anderer*, mit > und .');
    await until(() => other.rows.size === 17, 'another name begins with all');
    expect([later.batches, other.batches]).toEqual([2, 17]);
    // The last acknowledgement may still be on its way.
    const left = async () => (await fleet.status()).consumers.map(({ behind }) => behind);
    await until(async () => (await left()).every((behind) => behind === 0), 'all are acknowledged');
    expect((await fleet.status()).consumers.map(({ consumer }) => consumer).sort()).toEqual([
      'Ein *anderer*, mit > und .',
      'results',
    ]);
  });

  it('gets a batch again until it is acknowledged, and no later one of the device before', async () => {
    const { fleet } = await filled({ batches: 3, leaseMs: 400 });
    const batches = fleet.passings({ consumer: 'results' })[Symbol.asyncIterator]();
    const first = await next(batches);
    expect([numberOf(first), first.redelivered, first.deviceid, first.late]).toEqual([1, false, 'D0', false]);
    expect('cursor' in first).toBe(false);
    const again = await next(batches);
    expect([numberOf(again), again.redelivered]).toEqual([1, true]);
    await again.ack();
    const second = await next(batches);
    expect([numberOf(second), second.redelivered]).toEqual([2, false]);
    // Working on it for longer than a lease is no reason to give it to another.
    await sleep(1_500);
    await second.ack();
    expect(numberOf(await next(batches))).toBe(3);
    expect((await fleet.status()).consumers).toEqual([{ consumer: 'results', behind: 1 }]);
    await batches.return?.();
    // Not acknowledged: it comes again to who asks next.
    for await (const batch of fleet.passings({ consumer: 'results' })) {
      expect(numberOf(batch)).toBe(3);
      await batch.ack();
      break;
    }
    expect((await fleet.status()).consumers).toEqual([{ consumer: 'results', behind: 0 }]);
  });

  it('may ask for one device only', async () => {
    const { fleet } = await filled({ devices: 3, batches: 4 });
    const seen: string[] = [];
    for await (const batch of fleet.passings({ consumer: 'results', deviceid: 'D1' })) {
      seen.push(`${batch.deviceid}/${numberOf(batch)}`);
      await batch.ack();
      if (seen.length === 4) break;
    }
    expect(seen).toEqual(['D1/1', 'D1/2', 'D1/3', 'D1/4']);
  });

  it('is ended by its signal, by a break and with the fleet', async () => {
    const { fleet } = await filled();
    const controller = new AbortController();
    const waiting = fleet.passings({ consumer: 'a', signal: controller.signal })[Symbol.asyncIterator]();
    await (await next(waiting)).ack();
    const aborted = rejection(RufusAbortError, waiting.next());
    controller.abort(new Error('enough'));
    expect((await aborted).cause).toMatchObject({ message: 'enough' });
    expect(await waiting.next().catch(() => 'rejected')).toBe('rejected');
    const other = fleet.passings({ consumer: 'b' })[Symbol.asyncIterator]();
    await (await next(other)).ack();
    const ended = other.next();
    await fleet.close();
    expect(await ended).toEqual({ done: true, value: undefined });
    expect(() => fleet.passings({ consumer: 'c' })[Symbol.asyncIterator]()).toThrow(RufusConfigError);
  });

  it('acknowledges through an outage of the server', async () => {
    const { fleet, server } = await filled({ batches: 2, leaseMs: 5_000 });
    const batches = fleet.passings({ consumer: 'results' })[Symbol.asyncIterator]();
    const first = await next(batches);
    await server.stop();
    const acked = first.ack();
    await sleep(300);
    await server.start();
    await acked;
    const second = await next(batches);
    expect([numberOf(second), second.redelivered]).toEqual([2, false]);
  });
});

/** As a server does that came back with an earlier copy of its files, and does not know these deliveries. Returns those that were acknowledged. */
function leavesUnanswered(nats: NatsConnection, isUnknown: (delivery: string) => boolean): Set<string> {
  const { request } = nats;
  const asked = new Set<string>();
  nats.request = (async (subject: string, payload: unknown, options: never) => {
    if (payload !== '+ACK' || !isUnknown(subject)) return request.call(nats, subject, payload as string, options);
    asked.add(subject);
    await sleep(500);
    throw Object.assign(new Error('timeout'), { name: 'TimeoutError' });
  }) as typeof nats.request;
  return asked;
}

describeWithServer('a server that does not know a delivery any more', () => {
  it('is asked for its next delivery of that batch', async () => {
    const { fleet, nats } = await filled({ batches: 2, leaseMs: 5_000 });
    const asked = leavesUnanswered(nats, (delivery) => asked.size === 0 || asked.has(delivery));
    const batches = fleet.passings({ consumer: 'results' })[Symbol.asyncIterator]();
    const acked = (await next(batches)).ack();
    await until(() => asked.size === 1, 'the acknowledgement is sent');
    nats.publish([...asked][0]!, '-NAK');
    await acked;
    const second = await next(batches);
    expect([numberOf(second), second.redelivered]).toEqual([2, false]);
  });

  it('needs no answer once it delivers another batch of that device', async () => {
    const { fleet, nats } = await filled({ batches: 3, leaseMs: 10_000 });
    const batches = fleet.passings({ consumer: 'results' })[Symbol.asyncIterator]();
    for (let batch = 0; batch < 2; batch++) await (await next(batches)).ack();
    const third = await next(batches);
    leavesUnanswered(nats, () => true);
    const jsm = await jetstreamManager(nats);
    for await (const { name } of jsm.consumers.list('rufus-in')) await jsm.consumers.delete('rufus-in', name);
    await third.ack();
    expect(numberOf(await next(batches))).toBe(1);
  });

  it('is not waited for without end', async () => {
    const { fleet, nats } = await filled({ leaseMs: 10_000 });
    const batches = fleet.passings({ consumer: 'results' })[Symbol.asyncIterator]();
    const first = await next(batches);
    leavesUnanswered(nats, () => true);
    const { message } = await rejection(FleetUnavailableError, first.ack());
    expect(message).toContain('comes again');
  });
});

describeWithServer('two processes of one consumer', () => {
  it('share the batches, those of a device in order, also when one of them is killed', {
    timeout: 60_000,
  }, async () => {
    const devices = 8;
    const { api, server, fleet, ids, write } = await filled({ devices, batches: 5, leaseMs: 800 });
    const folder = await mkdtemp(join(tmpdir(), 'rufus-consumers-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'results.jsonl');
    const start = (name: string) =>
      WorkerProcess.start({
        role: 'consume',
        name,
        servers: [server.address],
        apiUrl: api.url,
        apiKey: KEY,
        leaseMs: 800,
        file,
        workMs: 10,
      });
    const rows = async () =>
      (await readFile(file, 'utf8').catch(() => ''))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { key: string; by: string });
    const workers = await Promise.all([start('doomed'), start('survivor')]);
    await Promise.all(workers.map((worker) => worker.ready()));
    const writing = Promise.all(ids.map((id) => write(id, 6, 20)));
    await until(async () => new Set((await rows()).map(({ by }) => by)).size === 2, 'both have work');
    await workers[0]!.kill();
    await writing;
    await until(async () => (await fleet.status()).consumers[0]?.behind === 0, 'all is acknowledged', 30_000);
    const done = await rows();
    for (const id of ids) {
      const numbers = done.filter(({ key }) => key.startsWith(`${id}/`)).map(({ key }) => Number(key.split('/')[1]));
      // Only what was in the hands of the dead one may be there twice, one behind the other.
      const once = numbers.filter((number, index) => number !== numbers[index - 1]);
      expect(once).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
      expect(numbers.length - once.length).toBeLessThanOrEqual(1);
    }
  });
});
