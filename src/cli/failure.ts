import {
  AuthenticationError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  RufusAPIError,
  RufusConfigError,
  RufusConnectionError,
  RufusError,
  RufusRequestValidationError,
  RufusResponseValidationError,
  RufusTimeoutError,
  ServerError,
} from 'rufus-client';
import { EXIT, type ExitCode } from './exit-codes.js';

/** What the library advises programs to do, said to whoever typed a command. */
const IN_OTHER_WORDS: readonly (readonly [string, string])[] = [
  ['(timeoutMs)', '(--timeout)'],
  ['`baseUrl`', 'the base URL'],
  ['`proxy`', '--proxy'],
  ['check `apiKey`, or RUFUS_API_KEY', 'check the API key'],
  ["or 'env'", 'or env'],
  ['use devices.ensureBound, which takes that for an answer', 'with --ensure that is an answer, not an error'],
  ['give it a `token`, or say `public: true`', 'give it a --token, or say --public'],
  ['`timeZone`', '--timezone'],
  ['`token`', '--token'],
  ['`replicas`', '--replicas'],
  ['`retain.hours`', '--retain-hours'],
  ['`retain.maxBytes`', '--retain-bytes'],
  ['`leaseMs`', '--lease'],
  ['`pollMs.min`', '--poll-min'],
  ['`pollMs.max`', '--poll-max'],
  ['`name`', '--fleet'],
  ['`box`', '--box'],
  ['See `cause`, and the', 'See the'],
  ['Name another port', 'Name another port with --listen'],
  ['in devices.list', 'in rufus devices list'],
  ['; insertMany finds a size that fits', ''],
  ["or use `open: 'new'`", 'or --session new'],
  [', or pass `startAt`', ''],
  ['; see `cause`', ''],
  ['Open the outbox again, or on another disk', 'Run it again, or with a folder on another disk'],
  ['Use https, or pass `allowInsecure: true`.', 'Use https.'],
];

interface Failure {
  readonly exitCode: ExitCode;
  readonly message: string;
  /** For --log-level debug. */
  readonly details: readonly string[];
}

/** The exit code and the line for an error that is not the command's own. */
export function failureOf(error: unknown): Failure {
  const exitCode = exitCodeOf(error);
  const details = detailsOf(error);
  if (!(error instanceof RufusError)) return { exitCode, message: wordsOf(error), details };
  let message = error.message;
  for (const [theirs, ours] of IN_OTHER_WORDS) message = message.replace(theirs, ours);
  return { exitCode, message: [message, adviceOn(error)].filter((part) => part !== '').join(' '), details };
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof AuthenticationError || error instanceof PermissionDeniedError) return EXIT.keyRefused;
  if (error instanceof NotFoundError) return isFromApi(error) ? EXIT.notFound : EXIT.unusable;
  // The library's own parts, or what it depends on, are not as they were installed.
  if (error instanceof RufusConfigError && error.code === 'not_loaded') return EXIT.failed;
  if (error instanceof RufusConfigError || error instanceof RufusRequestValidationError) return EXIT.misuse;
  if (error instanceof RufusConnectionError || error instanceof RufusResponseValidationError) return EXIT.unusable;
  if (error instanceof RufusAPIError) return isPassing(error) ? EXIT.unusable : EXIT.failed;
  // Of the fleet and of the outbox, which most commands do not load. What kept an outbox from asking the server says it.
  if (error instanceof RufusError && error.code === 'fleet_unavailable') return EXIT.unusable;
  if (error instanceof RufusError && error.code === 'numbering_unknown') return exitCodeOf(error.cause);
  return EXIT.failed;
}

/** A gateway's 404 is a page, or nothing: the address is wrong, and nobody knows whether the session is there. */
const isFromApi = ({ body }: RufusAPIError) => body !== undefined && typeof body !== 'string';

/** The API does not answer now, or something else answers in its place. */
function isPassing(error: RufusAPIError): boolean {
  if (error instanceof ServerError || error instanceof RateLimitError) return true;
  return [408, 425].includes(error.status) || error.status < 400;
}

/** What to do, where the library does not say it already. */
function adviceOn(error: RufusError): string {
  if (error.code === 'outbox_locked') return 'Stop that one first.';
  if (error instanceof RufusTimeoutError) return 'Try again later, or give it longer with --timeout 60s.';
  if (error instanceof AuthenticationError) return 'See rufus doctor, or rufus login.';
  if (error instanceof PermissionDeniedError) return 'See rufus doctor.';
  if (error instanceof NotFoundError && isFromApi(error)) return 'Check the id.';
  if (error instanceof NotFoundError && error.body === undefined) return 'It came without a word: check the base URL.';
  if (error instanceof RateLimitError || error instanceof ServerError) return 'Try again later.';
  if (error instanceof RufusConnectionError) return 'Run rufus doctor to see where it ends.';
  if (error instanceof RufusAPIError && error.code === 'bad_request') return 'Check what was passed in.';
  return '';
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return `It failed: ${String(error)}`;
  // Of the system, as "ENOENT: no such file or directory, open 'results.csv'".
  if ('syscall' in error) return `${error.message}.`;
  return `${error.name}: ${error.message}. This should not happen: please report it.`;
}

/** The error's facts, and what caused it; never a stack. */
function detailsOf(error: unknown): string[] {
  const lines = error instanceof RufusError ? [`debug: ${JSON.stringify(error)}`] : [];
  for (let at = error; at instanceof Error && at.cause !== undefined; at = at.cause) {
    lines.push(
      `debug: caused by ${at.cause instanceof Error ? `${at.cause.name}: ${at.cause.message}` : 'something else'}`,
    );
  }
  return lines;
}
