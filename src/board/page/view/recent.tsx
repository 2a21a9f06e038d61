// biome-ignore-all lint/a11y/noRedundantRoles: on a phone rows are laid out as grids, and some browsers then forget what they are
// biome-ignore-all lint/a11y/noNoninteractiveTabindex lint/a11y/useSemanticElements: what scrolls must be reachable by keyboard
import type { Crossing } from '../../wire.js';
import { dateAndTime, duration, timeOfDay } from '../format.js';

const FRESH_MS = 400;

interface RecentProps {
  readonly crossings: readonly Crossing[];
  readonly names: ReadonlyMap<string, string>;
  readonly timeZone: string;
  readonly now: number;
}

/** Rows stay where they are and change what they say: nothing moves on the page. */
export function Recent({ crossings, names, timeZone, now }: RecentProps) {
  return (
    <section class="recent" aria-labelledby="recent">
      <h2 id="recent">Last crossings</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="recent">
        <table role="table" aria-labelledby="recent">
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader" scope="col" class="time">
                Time
              </th>
              <th role="columnheader" scope="col" class="bib">
                Bib
              </th>
              <th role="columnheader" scope="col" class="checkpoint">
                Checkpoint
              </th>
              <th role="columnheader" scope="col" class="chip">
                Chip
              </th>
              <th role="columnheader" scope="col" class="delay">
                Arrived after
              </th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            {crossings.map((crossing, index) => (
              <Row
                key={index}
                crossing={crossing}
                name={names.get(crossing.deviceid) ?? ''}
                timeZone={timeZone}
                now={now}
              />
            ))}
          </tbody>
        </table>
        {crossings.length === 0 && <p class="nothing">The first crossing will stand here.</p>}
      </div>
    </section>
  );
}

function Row({ crossing, name, timeZone, now }: { crossing: Crossing; name: string; timeZone: string; now: number }) {
  const { deviceid, session, num_passing, timestamp, bib, chip, delayMs } = crossing;
  const arrivedAt = delayMs === null ? NaN : Date.parse(timestamp) + delayMs;
  return (
    <tr role="row" data-crossing={`${deviceid}:${session}:${num_passing}`} data-fresh={now - arrivedAt < FRESH_MS}>
      <td role="cell" class="time" title={dateAndTime(timestamp, timeZone)}>
        {timeOfDay(timestamp, timeZone)}
      </td>
      <td role="cell" class="bib" title={bib} dir="auto">
        {bib || 'no bib'}
      </td>
      <td role="cell" class="checkpoint" title={name} dir="auto">
        {name}
      </td>
      <td role="cell" class="chip" title={chip ?? ''} dir="auto">
        {chip ?? '–'}
      </td>
      <td role="cell" class="delay">
        {delayMs === null ? '–' : delayMs < -2_000 ? 'clock ahead' : duration(delayMs)}
      </td>
    </tr>
  );
}
