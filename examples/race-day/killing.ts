import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { OutboxStats } from 'rufus-client/outbox';
import type { Assignment, News } from './device-process.js';

const DEVICE = fileURLToPath(new URL('device-process.ts', import.meta.url));

/** Has the job done by a device that is killed (SIGKILL) and restarted on the way, up to `kills` times. */
export async function deliverInSpiteOfKills(
  assignment: Assignment,
  kills: number,
  onDelivered: (count: number) => void,
  onKill: () => void,
): Promise<OutboxStats> {
  const { length } = assignment.job.passings;
  let delivered = 0;
  for (let kill = 1; ; kill++) {
    const doomedAt = kill > kills ? Number.POSITIVE_INFINITY : (length * kill) / (kills + 1);
    const finished = await runDevice(assignment, (count) => {
      delivered += count;
      onDelivered(count);
      return delivered >= doomedAt;
    });
    if (finished !== undefined) return finished;
    onKill();
  }
}

/** Runs a device until it has finished, or until `isDoomed`; then it is killed, and there is no result. */
function runDevice(assignment: Assignment, isDoomed: (delivered: number) => boolean): Promise<OutboxStats | undefined> {
  return new Promise((resolve, reject) => {
    const device = fork(DEVICE);
    let finished: OutboxStats | undefined;
    let killed = false;
    device.on('message', (news: News) => {
      if ('finished' in news) finished = news.finished;
      else if (isDoomed(news.delivered)) killed = device.kill('SIGKILL');
    });
    device.on('error', reject);
    device.on('close', (code) => {
      if (finished !== undefined || killed) resolve(finished);
      else reject(new Error(`a device ended by itself, with ${code}`));
    });
    device.send(assignment);
  });
}
