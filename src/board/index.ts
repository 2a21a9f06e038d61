export { serveDemoBoard } from './demo.js';
export type { BoardOptions } from './options.js';
export { type ServedBoard, serveBoard } from './serve.js';
