import type { DeviceStatus } from '../../wire.js';
import { age, count, dateAndTime, timeOfDay } from '../format.js';
import { type Checkpoint, minuteOf } from '../store.js';
import { series } from '../timeline.js';

const SPARK_MINUTES = 60;
const LOW_BATTERY = 20;

interface CardProps {
  readonly checkpoint: Checkpoint;
  readonly status: DeviceStatus | undefined;
  /** The last minute of the race so far: all sparklines end there. */
  readonly until: number | undefined;
  readonly now: number;
  readonly timeZone: string;
}

export function Card({ checkpoint, status, until, now, timeZone }: CardProps) {
  const { deviceid, name, runners, reads, last, minutes } = checkpoint;
  const lastMinute = minutes.get(minuteOf(now) - 1) ?? 0;
  const end = until ?? minuteOf(now);
  return (
    <article class="card" data-deviceid={deviceid} data-follow={status?.follow.state}>
      <h3 title={name} dir="auto">
        {name}
      </h3>
      <p class="runners">
        <strong data-field="runners">{count(runners)}</strong> <span>runners</span>
      </p>
      <p class="reads">
        <strong data-field="reads">{count(reads)}</strong> <span>reads</span>
      </p>
      <Sparkline values={series({ minutes }, end - SPARK_MINUTES + 1, end)} />
      <p class="rate">
        <strong>{count(lastMinute)}</strong> <span title="In the last full minute">/ min</span>
      </p>
      <p class="last">
        {last === null ? (
          <span class="quiet">Nobody yet</span>
        ) : (
          <>
            <b dir="auto" title={last.bib}>
              {last.bib || 'no bib'}
            </b>
            <time dateTime={last.timestamp} title={dateAndTime(last.timestamp, timeZone)}>
              {Number.isNaN(Date.parse(last.timestamp)) ? last.timestamp : age(now - Date.parse(last.timestamp))}
            </time>
          </>
        )}
      </p>
      <Device status={status} now={now} timeZone={timeZone} />
    </article>
  );
}

function Sparkline({ values }: { values: readonly number[] }) {
  const most = Math.max(1, ...values);
  const line = values.map((value, index) => `${index},${(21 - (value / most) * 19).toFixed(1)}`).join('L');
  return (
    <svg class="spark" viewBox={`0 0 ${values.length - 1} 22`} preserveAspectRatio="none" aria-hidden="true">
      <path class="area" d={`M0,22L${line}L${values.length - 1},22Z`} />
      <path class="line" d={`M${line}`} />
    </svg>
  );
}

function Device({ status, now, timeZone }: { status: DeviceStatus | undefined; now: number; timeZone: string }) {
  if (status === undefined) return <p class="device" />;
  const { follow, session, lastSeen } = status;
  if (follow.state === 'ended') {
    return (
      <p class="device trouble" title={follow.reason ?? ''}>
        {follow.reason}
      </p>
    );
  }
  if (follow.state !== 'live') {
    const what = follow.state === 'refused' ? 'Key refused' : 'No answer';
    return (
      <p class="device trouble">
        {what} since {timeOfDay(follow.since, timeZone)}
      </p>
    );
  }
  const seen = lastSeen === null ? NaN : Date.parse(lastSeen);
  return (
    <p class="device">
      <Battery {...status} />
      <span class="session" title={session === null ? '' : `Session ${session.id}…`} dir="auto">
        {session === null ? 'No open session' : (session.alias ?? `Session ${session.id}`)}
      </span>
      {!Number.isNaN(seen) && (
        <span class="seen" title={dateAndTime(lastSeen!, timeZone)}>
          seen {age(now - seen)}
        </span>
      )}
    </p>
  );
}

function Battery({ battery, charging }: Pick<DeviceStatus, 'battery' | 'charging'>) {
  if (battery === null) return null;
  const isLow = battery < LOW_BATTERY && charging !== true;
  return (
    <span class="battery" data-low={isLow}>
      <svg viewBox="0 0 22 12" aria-hidden="true">
        <rect class="case" x="0.5" y="0.5" width="18" height="11" rx="2.5" />
        <rect class="pole" x="19.5" y="4" width="2" height="4" rx="1" />
        <rect class="charge" x="2.5" y="2.5" width={(14 * battery) / 100} height="7" rx="1" />
      </svg>
      <span class="unseen">Battery </span>
      {battery} %{charging === true ? ', charging' : isLow ? ' low' : ''}
    </span>
  );
}
