import { request } from 'node:http';
import { connect } from 'node:net';
import type { Update } from '../../src/board/wire.js';
import type { BoardReaders } from './board-readers.js';
import { quantile } from './stats.js';

// Pages of a board, without browsers: all that they hear, and how long it took to get here.
const [url = '', readers = '0', stalled = '0'] = process.argv.slice(2);
const latencies: number[] = [];
const reads: number[] = [];
let bytes = 0;
let isMeasuring = false;

function read(index: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}/events`, { agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        if (isMeasuring) bytes += chunk.length;
        text += chunk;
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) take(index, block);
      });
      resolve();
    });
    asked.on('error', reject).end();
  });
}

function take(index: number, block: string): void {
  const now = Date.now();
  if (!block.startsWith('event: update')) return;
  const { devices, recent = [] } = JSON.parse(block.slice(block.indexOf('data: ') + 6)) as Update;
  reads[index] = devices?.[0]?.reads ?? reads[index] ?? 0;
  if (!isMeasuring) return;
  // When the board had it: its own time, and how long it took to get there.
  for (const { timestamp, delayMs } of recent) latencies.push(now - Date.parse(timestamp) - (delayMs ?? 0));
}

/** One that asks and then takes nothing. */
function stall(): void {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.write(`GET /events HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  socket.pause();
}

for (let index = 0; index < Number(readers); index++) await read(index);
for (let index = 0; index < Number(stalled); index++) stall();
process.on('message', (message) => {
  if (message === 'measure') isMeasuring = true;
  if (message !== 'report') return;
  isMeasuring = false;
  const [p50, p99, most] = [0.5, 0.99, 1].map((at) => quantile(latencies, at)) as [number, number, number];
  const report: BoardReaders = { crossings: latencies.length, p50, p99, most, bytes, fewestReads: Math.min(...reads) };
  process.send?.(report);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
