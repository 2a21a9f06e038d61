import { jetstream } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { pause } from '../core/abort.js';
import { RufusConfigError } from '../core/errors.js';
import type { Known } from '../core/known.js';
import { checkedOptions, whole } from '../core/options.js';
import { shorten } from '../core/redact.js';
import type { Outbox } from '../outbox/types.js';
import { encoded, Names } from './names.js';
import { checkedBox, checkedName, checkedNats } from './options.js';
import type { ReportOptions } from './types.js';

const OPTIONS: Known<ReportOptions> = { nats: true, box: true, name: true, everyMs: true };
const PUT_MS = 5_000;
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
  const { nats, box, name, everyMs = 5_000 } = checkedOptions('options', options, OPTIONS);
  if (typeof outbox?.stats !== 'function') throw new RufusConfigError('`reportOutbox` takes an open outbox.');
  checkedNats(nats);
  const key = encoded(checkedBox(box));
  const names = new Names(checkedName(name));
  let bucket: KV | undefined;
  let isReporting = false;
  let isStale = false;
  let running: Promise<void> = Promise.resolve();

  const put = async (): Promise<void> => {
    // Bound, not looked up: a box may write its own key and nothing else.
    bucket ??= await new Kvm(jetstream(nats, { timeout: PUT_MS })).open(names.boxes);
    const { token_session, ...stats } = outbox.stats();
    await bucket.put(key, JSON.stringify({ box, token_session: shorten(token_session), ...stats }));
  };
  const report = (): void => {
    isStale = true;
    if (isReporting) return;
    isReporting = true;
    running = (async () => {
      while (isStale) {
        isStale = false;
        await put().catch(() => {});
        // An outbox that is busy changes its state many times a second.
        if (isStale) await pause(BREATH_MS, undefined);
      }
      isReporting = false;
    })();
  };

  const timer = setInterval(report, Math.min(whole('everyMs', everyMs, 1), 2 ** 31 - 1));
  outbox.on('state', report);
  report();
  return async () => {
    clearInterval(timer);
    outbox.off('state', report);
    await running;
  };
}
