import type { NatsConnection } from '@nats-io/transport-node';
import { pause } from '../core/abort.js';
import { RufusConfigError } from '../core/errors.js';
import type { Known } from '../core/option-names.js';
import { asInteger, checkedOptions } from '../core/options.js';
import { shorten } from '../core/redact.js';
import type { Outbox } from '../outbox/types.js';
import { Names } from './names.js';
import { checkedBox, checkedConnecting, checkedName } from './options.js';
import type { ReportOptions } from './types.js';

const OPTIONS: Known<ReportOptions> = { nats: true, box: true, name: true, everyMs: true };
const BREATH_MS = 250;

/**
 * Reports an outbox's figures to `Fleet.status()`, every `everyMs` and at each change of its state. Returns what stops it. A report that
 * cannot be made is left out: the next one says all there is to say.
 *
 * @throws RufusConfigError - an option is missing or wrong
 *
 * @example
 * const stop = reportOutbox(outbox, { nats, box: '0042' });
 * // …
 * await stop();
 */
export function reportOutbox(outbox: Outbox, options: ReportOptions): () => Promise<void> {
  const { nats: given, box, name, everyMs = 5_000 } = checkedOptions('options', options, OPTIONS);
  if (typeof outbox?.stats !== 'function') throw new RufusConfigError('`reportOutbox` takes an open outbox.');
  const connecting = checkedConnecting(given);
  const subject = new Names(checkedName(name)).report(checkedBox(box));
  let isReporting = false;
  let isStale = false;
  let isStopped = false;
  let running: Promise<void> = Promise.resolve();
  let connection: NatsConnection | undefined;

  const send = async (): Promise<void> => {
    const nats = connection;
    if (nats === undefined) return;
    // While it is cut off, a connection would keep each report to send them all later.
    await nats.rtt();
    const { token_session, ...stats } = outbox.stats();
    nats.publish(subject, JSON.stringify({ box, token_session: shorten(token_session), ...stats }));
  };
  const report = (): void => {
    isStale = true;
    if (isReporting) return;
    isReporting = true;
    running = (async () => {
      while (isStale) {
        isStale = false;
        await send().catch(() => {});
        // An outbox that is busy changes its state many times a second.
        if (isStale) await pause(BREATH_MS, undefined);
      }
      isReporting = false;
    })();
  };

  const timer = setInterval(report, Math.min(asInteger('everyMs', everyMs, 1), 2 ** 31 - 1));
  // Not worth keeping a process for.
  timer.unref();
  outbox.on('state', report);
  connecting.then(
    (made) => {
      if (isStopped) return;
      connection = made;
      report();
    },
    () => {},
  );
  return async () => {
    isStopped = true;
    clearInterval(timer);
    outbox.off('state', report);
    await running;
  };
}
