// A device in a process of its own, so that it can be killed: its job comes as a message, and so does what became of it.
import { RufusClient, type RufusClientOptions } from 'rufus-client';
import type { OutboxStats } from 'rufus-client/outbox';
import { deliver, type Job } from './delivery.js';

export type Assignment = { readonly job: Job; readonly options: RufusClientOptions };
export type News = { readonly delivered: number } | { readonly finished: OutboxStats };

const tell = (news: News) => process.send?.(news);

// Nobody is left to work for.
process.once('disconnect', () => process.exit());

process.once('message', async ({ job, options }: Assignment) => {
  const client = new RufusClient(options);
  const finished = await deliver(client, job, (delivered) => tell({ delivered }));
  await client.close();
  tell({ finished });
  process.disconnect();
});
