import { useEffect } from 'preact/hooks';
import type { Feed } from '../feed.js';
import { count, timeOfDay } from '../format.js';
import { type Board, minuteOf } from '../store.js';
import { raceSpan } from '../timeline.js';
import { type Truth, truthOf } from '../truth.js';
import { Card } from './card.js';
import { Chart } from './chart.js';
import { Recent } from './recent.js';
import { Search } from './search.js';

interface AppProps {
  readonly board: Board | undefined;
  /** By the server's clock. */
  readonly now: number;
  readonly feed: Feed;
  readonly isWall: boolean;
}

export function App({ board, now, feed, isWall }: AppProps) {
  if (feed.isDenied)
    return (
      <Message>
        This board wants its token. Open its whole address, as it was given to you, with what stands behind the #.
      </Message>
    );
  if (board === undefined)
    return <Message>{feed.isConnected ? 'Connecting…' : "Connecting to the board's server…"}</Message>;
  const { timeZone, checkpoints, status, recent } = board;
  const truth = truthOf({ ...board, silenceMs: feed.silenceMs, isSilent: feed.isSilent, now });
  const span = raceSpan(checkpoints, minuteOf(now));
  const names = new Map(checkpoints.map(({ deviceid, name }) => [deviceid, name]));
  return (
    <>
      <Header board={board} now={now} truth={truth} isWall={isWall} />
      <main data-tone={truth.tone}>
        <section class="cards" aria-labelledby="checkpoints" style={wallGrid(checkpoints.length)}>
          <h2 id="checkpoints" class="unseen">
            Checkpoints
          </h2>
          {checkpoints.map((checkpoint) => (
            <Card
              key={checkpoint.deviceid}
              checkpoint={checkpoint}
              status={status[checkpoint.deviceid]}
              until={span?.last}
              now={now}
              timeZone={timeZone}
            />
          ))}
          {checkpoints.length === 0 && <p class="nothing">No devices yet. They appear here once they are bound.</p>}
        </section>
        {!isWall && <Chart checkpoints={checkpoints} span={span} timeZone={timeZone} />}
        <Recent crossings={recent} names={names} timeZone={timeZone} now={now} />
      </main>
    </>
  );
}

/** On a wall everything is to be seen at once: cards not quite twice as wide as high, and the last one, mostly the finish, takes what is left of its row. */
function wallGrid(cards: number): Record<string, number> {
  const columns = Math.max(1, Math.round(Math.sqrt(cards * 0.72)));
  return { '--columns': columns, '--last-span': columns - ((cards - 1) % columns) };
}

function Message({ children }: { children: preact.ComponentChildren }) {
  return (
    <main class="message">
      <h1 class="unseen">Live board</h1>
      <p role="status">{children}</p>
    </main>
  );
}

function Header({ board, now, truth, isWall }: { board: Board; now: number; truth: Truth; isWall: boolean }) {
  const { title, timeZone, checkpoints, notice } = board;
  useEffect(() => {
    document.title = title;
  }, [title]);
  const reads = checkpoints.reduce((sum, checkpoint) => sum + checkpoint.reads, 0);
  const facts = `${count(checkpoints.length)} ${checkpoints.length === 1 ? 'checkpoint' : 'checkpoints'} · ${count(reads)} reads · ${timeZone.replaceAll('_', ' ')}`;
  return (
    <header data-tone={truth.tone}>
      <h1 title={title} dir="auto">
        {title}
      </h1>
      <time class="clock" dateTime={new Date(now).toISOString()}>
        {timeOfDay(now, timeZone)}
      </time>
      <p class="link" data-field="link" data-state={truth.tone} title={truth.sentence}>
        {truth.label}
      </p>
      <p class="facts" title={notice ?? facts}>
        {truth.tone === 'live' ? (notice ?? facts) : truth.sentence}
      </p>
      {!isWall && <Search checkpoints={checkpoints} timeZone={timeZone} />}
      <p class="unseen" role="status">
        {truth.sentence}
      </p>
    </header>
  );
}
