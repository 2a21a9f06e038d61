import type { Link } from '../wire.js';
import { timeOfDay, wholeSeconds } from './format.js';

/** Whether what is shown is fresh, in a word for the eye and a sentence for everybody. */
export interface Truth {
  readonly tone: 'live' | 'warn' | 'bad';
  /** Short; counts the seconds. */
  readonly label: string;
  /** Does not change while the seconds go by. */
  readonly sentence: string;
}

interface Situation {
  readonly link: Link;
  /** How long the board's own server has said nothing, and whether that is too long. */
  readonly silenceMs: number;
  readonly isSilent: boolean;
  /** By the server's clock. */
  readonly now: number;
  readonly timeZone: string;
}

/** The server's own silence first: what it said of RUFUS is old then. */
export function truthOf({ link, silenceMs, isSilent, now, timeZone }: Situation): Truth {
  if (isSilent) {
    return {
      tone: 'bad',
      label: `board silent for ${wholeSeconds(silenceMs)}`,
      sentence: `No word from the board's server since ${timeOfDay(now - silenceMs, timeZone)}. What you see is from then.`,
    };
  }
  const since = timeOfDay(link.since, timeZone);
  if (link.state === 'live') return { tone: 'live', label: 'live', sentence: `RUFUS answers, since ${since}.` };
  if (link.state === 'refused') {
    return {
      tone: 'bad',
      label: 'key refused',
      sentence: `RUFUS refuses the key, since ${since}. Crossings are missing here.`,
    };
  }
  return {
    tone: 'warn',
    label: `no answer for ${wholeSeconds(now - Date.parse(link.since))}`,
    sentence: `No answer from RUFUS since ${since}. Crossings may be missing here.`,
  };
}
