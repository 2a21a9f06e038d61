import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { count, timeOfDay } from '../format.js';
import type { Checkpoint } from '../store.js';
import { type Span, series } from '../timeline.js';

const AXIS_PX = 28;
/** Beside the plot, so that the first and the last time below it are not cut. */
const MARGIN_PX = 20;
/** Of a band, its highest peak. */
const PEAK_SHARE = 0.84;

interface ChartProps {
  readonly checkpoints: readonly Checkpoint[];
  readonly span: Span | undefined;
  readonly timeZone: string;
}

/** Crossings a minute, a band for each checkpoint, one under the other: the field can be seen moving along the course. */
export function Chart({ checkpoints, span, timeZone }: ChartProps) {
  const plot = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const bandPx = checkpoints.length > 12 ? 30 : 44;
  const values = checkpoints.map((checkpoint) => (span === undefined ? [] : series(checkpoint, span.first, span.last)));
  useUplot(plot, { values, first: span?.first ?? 0, bandPx, timeZone }, setAt);
  const time =
    at === null || span === undefined ? undefined : timeOfDay((span.first + at) * 60_000, timeZone, 'minute');
  return (
    <section class="chart" aria-labelledby="chart">
      <h2 id="chart">Crossings a minute</h2>
      <p class="at" aria-hidden="true">
        {time === undefined ? 'most in a minute' : `at ${time}`}
      </p>
      <div class="bands" style={{ '--band': `${bandPx}px`, '--axis': `${AXIS_PX}px` }}>
        <ol>
          {checkpoints.map(({ deviceid, name }, index) => {
            const most = Math.max(0, ...values[index]!);
            const shown = at === null ? most : (values[index]![at] ?? 0);
            return (
              <li key={deviceid}>
                <span class="name" title={name} dir="auto">
                  {name}
                </span>
                <span class="most">
                  <span class="unseen">most in a minute: </span>
                  {count(shown)}
                </span>
              </li>
            );
          })}
        </ol>
        <div class="plot" ref={plot} aria-hidden="true" />
      </div>
    </section>
  );
}

interface Plotted {
  readonly values: readonly (readonly number[])[];
  /** Its first minute, since 1970. */
  readonly first: number;
  readonly bandPx: number;
  readonly timeZone: string;
}

function useUplot(
  place: RefObject<HTMLDivElement | null>,
  plotted: Plotted,
  onCursor: (index: number | null) => void,
): void {
  const { values, bandPx, timeZone } = plotted;
  const plot = useRef<uPlot | null>(null);
  const drawn = useRef('');
  useEffect(() => {
    const element = place.current!;
    const size = () => ({ width: Math.max(60, element.clientWidth), height: values.length * bandPx + AXIS_PX });
    const made = new uPlot({ ...size(), ...optionsOf(values.length, timeZone, onCursor) }, undefined, element);
    plot.current = made;
    drawn.current = '';
    const resize = new ResizeObserver(() => made.setSize(size()));
    resize.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const redraw = () => made.redraw(false, true);
    scheme.addEventListener('change', redraw);
    return () => {
      resize.disconnect();
      scheme.removeEventListener('change', redraw);
      made.destroy();
    };
  }, [values.length, bandPx, timeZone]);
  useEffect(() => {
    const { first } = plotted;
    // A minute's figure changes many times; it is drawn when it did.
    const key = `${first}:${values.map((each) => `${each.length},${each.at(-1)},${each.reduce((sum, value) => sum + value, 0)}`).join(';')}`;
    if (key === drawn.current || (values[0]?.length ?? 0) === 0) return;
    drawn.current = key;
    const minutes = values[0]!.map((_, index) => (first + index) * 60);
    plot.current?.setData([minutes, ...values.map(withoutSilence)] as uPlot.AlignedData);
  });
}

/** A line along the ground where nothing is says nothing. */
const withoutSilence = (values: readonly number[]): (number | null)[] =>
  values.map((value, index) => (value === 0 && !values[index - 1] && !values[index + 1] ? null : value));

const color = (name: string) => () => getComputedStyle(document.documentElement).getPropertyValue(name);

function optionsOf(
  bands: number,
  timeZone: string,
  onCursor: (index: number | null) => void,
): Omit<uPlot.Options, 'width' | 'height'> {
  const indexes = Array.from({ length: bands }, (_, index) => index);
  // Each band has a scale of its own: as high as its peak, and shifted to where the band lies.
  const scaleOf = (band: number): uPlot.Scale => ({
    range: (_, __, most) => {
      const unit = Math.max(most ?? 0, 4) / PEAK_SHARE;
      return [-(bands - 1 - band) * unit, (band + 1) * unit];
    },
  });
  return {
    padding: [0, MARGIN_PX, 0, MARGIN_PX],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), timeZone),
    scales: Object.fromEntries(indexes.map((band) => [`band${band}`, scaleOf(band)])),
    series: [
      {},
      ...indexes.map(
        (band): uPlot.Series => ({
          scale: `band${band}`,
          stroke: color('--plot'),
          fill: color('--plot-fill'),
          fillTo: 0,
          width: 1.5,
          points: { show: false },
        }),
      ),
    ],
    axes: [
      {
        size: AXIS_PX,
        space: 72,
        stroke: color('--quiet'),
        font: '12px system-ui, sans-serif',
        grid: { stroke: color('--line'), width: 1 },
        ticks: { show: false },
        values: (_, splits) => splits.map((seconds) => timeOfDay(seconds * 1_000, timeZone, 'minute')),
      },
    ],
    hooks: { setCursor: [({ cursor }) => onCursor(cursor.idx ?? null)] },
  };
}
