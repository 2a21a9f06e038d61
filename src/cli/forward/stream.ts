import type { Readable } from 'node:stream';
import { type Line, LineSplitter } from '../records/lines.js';
import { type RecordFormat, RecordReader } from '../records/reader.js';
import type { Intake, Outcome } from './intake.js';

export interface StreamSetup {
  readonly intake: Intake;
  readonly format: RecordFormat;
  /** No more is taken from it then. */
  readonly stop: AbortSignal;
}

/**
 * Takes the lines of a stream, those of a chunk together, one chunk after the other: a stream whose lines are not on disk yet
 * is not read on, so that its writer feels it. Resolves at its end, or at `stop`, with what it had of a last line.
 */
export async function takeLines(
  stream: Readable,
  source: string,
  { intake, format, stop }: StreamSetup,
  answer: (outcomes: readonly Outcome[]) => Promise<void>,
): Promise<LineSplitter> {
  const reader = new RecordReader(format);
  const splitter = new LineSplitter();
  for await (const chunk of chunksUntil(stream, stop)) {
    const lines: Line[] = splitter.push(chunk);
    if (lines.length > 0) await answer(await intake.store(source, intake.read(lines, reader)));
  }
  return splitter;
}

/** One chunk at a time. The stream is left open at `stop`: answers may have to be written yet. */
async function* chunksUntil(stream: Readable, stop: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  const chunks: Buffer[] = [];
  let isOver = stop.aborted;
  let failure: Error | undefined;
  let wake = (): void => {};
  const onData = (chunk: Buffer) => {
    chunks.push(chunk);
    stream.pause();
    wake();
  };
  const onOver = (cause?: unknown) => {
    isOver = true;
    if (cause instanceof Error) failure = cause;
    wake();
  };
  stream.on('data', onData).on('end', onOver).on('close', onOver).on('error', onOver);
  stop.addEventListener('abort', onOver);
  try {
    while (!stop.aborted) {
      const chunk = chunks.shift();
      if (chunk !== undefined) {
        yield chunk;
        if (chunks.length === 0) stream.resume();
      } else if (isOver) {
        if (failure !== undefined) throw failure;
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    stream.off('data', onData).off('end', onOver).off('close', onOver).off('error', onOver);
    stop.removeEventListener('abort', onOver);
  }
}
