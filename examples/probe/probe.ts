import { RufusClient } from 'rufus-client';
import { coordinates, envelope, fields, readBack, unpaged } from './bodies.js';
import { cleanUp } from './cleanup.js';
import { duplicates } from './duplicates.js';
import { type Finding, type Ground, type Inquiry, type Observed, prepare } from './ground.js';
import { compression, limits, requestIds } from './headers.js';
import { IDLE_QUESTION, idleLife } from './idle.js';
import { unknownKey } from './keys.js';
import { closing, jump, secondBind } from './lifecycle.js';
import type { ProbeOptions } from './options.js';
import { numberRange, pastTheEnd, timeRange } from './ranges.js';
import { masked, reportOf } from './report.js';
import { Tap } from './tap.js';
import type { Target } from './target.js';

/** In this order: `duplicates` adds to the first session, `jump` ends it, the last three look back at all answers. */
const INQUIRIES: readonly Inquiry[] = [
  ...[readBack, coordinates, fields, unpaged, numberRange, timeRange, pastTheEnd, compression, secondBind, unknownKey],
  ...[duplicates, jump, closing],
  ...[envelope, requestIds, limits],
];

/** Finds out what there is to find, in spite of single failures. The report holds neither the key nor a whole token. */
export async function probe(
  target: Pick<Target, 'baseUrl' | 'apiKey'>,
  options: Pick<ProbeOptions, 'idleSeconds' | 'type' | 'model'>,
): Promise<{ report: string; isComplete: boolean }> {
  const { baseUrl, apiKey } = target;
  const tap = new Tap();
  const drift = new Set<string>();
  const logger = { error() {}, warn: noteDrift(drift), info() {}, debug() {} };
  await using client = new RufusClient({ baseUrl, apiKey, middleware: [tap.middleware], logger, logLevel: 'warn' });
  const idle = attempted(IDLE_QUESTION, idleLife(target, options.idleSeconds));

  const findings: Finding[] = [];
  let leftBehind = 'Nothing: no device was bound.';
  let failure: string | undefined;
  let ground: Ground | undefined;
  try {
    ground = await prepare(client, tap, options);
    for (const { question, find } of INQUIRIES) findings.push(await attempted(question, find(ground)));
  } catch (error) {
    failure = messageOf(error);
  }
  findings.push(await idle);
  if (ground !== undefined) leftBehind = await cleanUp(ground);
  const report = reportOf({ baseUrl, findings, drift: [...drift], leftBehind, failure });
  return { report: masked(report, apiKey), isComplete: failure === undefined && findings.every(isAnswered) };
}

const OPEN = 'could not be found out';
const isAnswered = ({ answer }: Finding) => answer !== OPEN;

async function attempted(question: string, observed: Promise<Observed>): Promise<Finding> {
  try {
    return { question, ...(await observed) };
  } catch (error) {
    return { question, answer: OPEN, details: messageOf(error) };
  }
}

/** A server that is asked what nobody knows may answer what no inquiry reckoned with. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const noteDrift = (drift: Set<string>) => (_: string, given?: object) => {
  const { operation, field, expected } = { ...given } as Record<string, string>;
  drift.add(`\`${operation}\`, \`${field}\`: ${expected}`);
};
