import { useEffect, useRef, useState } from 'preact/hooks';
import type { RunnerCrossings } from '../../wire.js';
import { authorization } from '../feed.js';
import { count, dateAndTime, split, timeOfDay } from '../format.js';
import type { Checkpoint } from '../store.js';

const TYPING_MS = 200;
const AGAIN_MS = 3_000;

interface SearchProps {
  readonly checkpoints: readonly Checkpoint[];
  readonly timeZone: string;
}

type Found = RunnerCrossings | 'failed' | undefined;

/** Where a runner has been: opened by the button or `/`, closed by Escape. */
export function Search({ checkpoints, timeZone }: SearchProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [bib, setBib] = useState('');
  const found = useRunner(isOpen ? bib.trim() : '');

  const open = () => {
    dialog.current?.showModal();
    field.current?.select();
    setOpen(true);
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || dialog.current?.open) return;
      event.preventDefault();
      open();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);

  return (
    <search class="search">
      <button type="button" class="find" onClick={open} aria-keyshortcuts="/">
        Find a bib{' '}
        <span class="key" aria-hidden="true">
          /
        </span>
      </button>
      <dialog ref={dialog} aria-label="Find a bib" onClose={() => setOpen(false)}>
        <form method="dialog">
          <label for="bib">Bib</label>
          <input
            id="bib"
            ref={field}
            type="text"
            autocomplete="off"
            autocapitalize="characters"
            spellcheck={false}
            enterkeyhint="search"
            value={bib}
            onInput={(event) => setBib(event.currentTarget.value)}
            onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
          />
          <button type="submit">Close</button>
        </form>
        <div class="found">
          <Runner found={found} checkpoints={checkpoints} timeZone={timeZone} />
        </div>
      </dialog>
    </search>
  );
}

/** Asked for again and again while it is shown. */
function useRunner(bib: string): Found {
  const [found, setFound] = useState<Found>();
  useEffect(() => {
    setFound(undefined);
    if (bib === '') return;
    const end = new AbortController();
    let timer = setTimeout(ask, TYPING_MS);
    async function ask() {
      const answer = await runner(bib, end.signal).catch(() => 'failed' as const);
      if (end.signal.aborted) return;
      setFound(answer);
      timer = setTimeout(ask, AGAIN_MS);
    }
    return () => {
      end.abort();
      clearTimeout(timer);
    };
  }, [bib]);
  return found;
}

async function runner(bib: string, signal: AbortSignal): Promise<RunnerCrossings> {
  const url = `/api/runner?${new URLSearchParams({ bib })}`;
  const response = await fetch(url, { headers: authorization(), signal, cache: 'no-store' });
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
}

function Runner({ found, checkpoints, timeZone }: SearchProps & { found: Found }) {
  if (found === undefined)
    return (
      <p role="status" class="quiet">
        Every crossing of the bib, with the time between them.
      </p>
    );
  if (found === 'failed')
    return (
      <p role="status" class="trouble">
        The board's server does not answer. It is asked again.
      </p>
    );
  const { bib, crossings } = found;
  if (crossings.length === 0)
    return (
      <p role="status">
        No crossing of <bdi>{bib}</bdi> so far.
      </p>
    );
  const nameOf = new Map(checkpoints.map(({ deviceid, name }) => [deviceid, name]));
  const first = Date.parse(crossings[0]!.timestamp);
  return (
    <>
      <p role="status">
        <bdi>{bib}</bdi>: {count(crossings.length)} {crossings.length === 1 ? 'crossing' : 'crossings'}
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">Checkpoint</th>
            <th scope="col" class="figure">
              Time
            </th>
            <th scope="col" class="figure">
              Since the one before
            </th>
            <th scope="col" class="figure">
              Since the first
            </th>
          </tr>
        </thead>
        <tbody>
          {crossings.map(({ deviceid, session, num_passing, timestamp }, index) => {
            const time = Date.parse(timestamp);
            const before = index === 0 ? NaN : Date.parse(crossings[index - 1]!.timestamp);
            return (
              <tr key={`${deviceid}:${session}:${num_passing}`} data-crossing={`${deviceid}:${session}:${num_passing}`}>
                <th scope="row" dir="auto" title={nameOf.get(deviceid)}>
                  {nameOf.get(deviceid)}
                </th>
                <td class="figure" title={dateAndTime(timestamp, timeZone)}>
                  {timeOfDay(timestamp, timeZone, 'tenth')}
                </td>
                <td class="figure">{Number.isNaN(time - before) ? '' : split(time - before)}</td>
                <td class="figure">{index === 0 || Number.isNaN(time - first) ? '' : split(time - first)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </>
  );
}
