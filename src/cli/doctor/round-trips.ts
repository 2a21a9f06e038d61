import { RufusAPIError, type RufusClient, RufusConnectionError } from 'rufus-client';
import { ok, type Verdict, warning } from './finding.js';

const COUNT = 20;
const SLOW_MS = 1_000;
/** Seconds; a wrong clock moves every result. */
const CLOCK = { warning: 2, wrong: 60 };

/** One request and its answer, by our clock in milliseconds since 1970. */
export interface Trip {
  readonly sentAt: number;
  readonly answeredAt: number;
  /** Of the answer's `date`, which has whole seconds only; undefined without one. */
  readonly date: number | undefined;
}

/** A request that reads next to nothing. A refusal is an answer, too. */
export async function trip(client: RufusClient, signal: AbortSignal): Promise<Trip> {
  const sentAt = performance.timeOrigin + performance.now();
  const headers = await client.devices.list({ limit: 1 }, { signal, retry: false }).then(
    (page) => page.response.headers,
    (error: unknown) => {
      if (error instanceof RufusAPIError && [401, 403, 429].includes(error.status)) return error.headers;
      throw error;
    },
  );
  const answeredAt = performance.timeOrigin + performance.now();
  const date = Date.parse(headers.get('date') ?? '');
  return { sentAt, answeredAt, date: Number.isNaN(date) ? undefined : date };
}

/** A series of requests, one after another. */
export async function series(client: RufusClient, signal: AbortSignal): Promise<{ trips: Trip[]; lost: number }> {
  const trips: Trip[] = [];
  let lost = 0;
  for (let index = 0; index < COUNT; index++) {
    try {
      trips.push(await trip(client, signal));
    } catch (error) {
      if (!(error instanceof RufusConnectionError || error instanceof RufusAPIError)) throw error;
      lost++;
    }
  }
  return { trips, lost };
}

export function judgeTrips({ trips, lost }: { readonly trips: readonly Trip[]; readonly lost: number }): Verdict {
  const times = trips.map(({ sentAt, answeredAt }) => answeredAt - sentAt).sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  const [median, p95] = [at(0.5), at(0.95)];
  const found = `median ${shownMs(median)}, 95 % within ${shownMs(p95)}, of ${COUNT}`;
  if (lost > 0) {
    return warning('round trips', `${found}; ${lost} got no answer`, 'The link drops requests: look at the network.');
  }
  if (median > SLOW_MS) return warning('round trips', found, 'The link is slow: look at the network.');
  return ok('round trips', found);
}

/** By how much our clock differs from the server's, as far as whole seconds tell: each answer narrows it down. */
export function judgeClock(trips: readonly Trip[]): Verdict {
  const dated = trips.flatMap(({ sentAt, answeredAt, date }) =>
    date === undefined ? [] : [{ sentAt, answeredAt, date }],
  );
  if (dated.length === 0)
    return warning('clock', 'the server does not tell its time', 'Check this clock by another one.');
  // The server's second began at `date` and lasted to `date + 1000`; it looked at it between sending and answering.
  const least = Math.max(...dated.map(({ answeredAt, date }) => date - answeredAt));
  const most = Math.min(...dated.map(({ sentAt, date }) => date + 1_000 - sentAt));
  const aheadMs = (least + most) / 2;
  const doubt = Math.max(Math.abs(most - least) / 2, 50);
  const sure = Math.max(0, Math.abs(aheadMs) - doubt) / 1_000;
  const which = aheadMs > 0 ? 'behind' : 'ahead of';
  const found = `${(Math.abs(aheadMs) / 1_000).toFixed(1)} s ${which} the server, give or take ${(doubt / 1_000).toFixed(1)} s`;
  const advice = 'Set the clock (timedatectl set-ntp true): times that this machine stamps are off by as much.';
  if (sure > CLOCK.wrong) return { ...warning('clock', found, advice), status: 'wrong', exitCode: 1 };
  return sure > CLOCK.warning ? warning('clock', found, advice) : ok('clock', found);
}

const shownMs = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
