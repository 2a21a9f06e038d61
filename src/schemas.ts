/**
 * The zod schemas of the API, generated from its OpenAPI document: for validating stored or forwarded data.
 * What is sent (`PassingInput`, the requests) is strict, what comes is loose: unknown fields survive.
 *
 * They describe the wire. A coordinate in `Passing` may be a number or text, while the client's own answers hold
 * numbers; `PassingInput` takes its `timestamp` as text with a zone, while the client's `insert` takes a Date too.
 *
 * @example
 * import { Passing } from 'rufus-client/schemas';
 *
 * const passings = Passing.array().parse(JSON.parse(await readFile('session.json', 'utf8')));
 *
 * @module
 */
export {
  BindDeviceRequest,
  CreateSessionRequest,
  Device,
  DeviceReceipt,
  InsertPassingsRequest,
  InsertReceipt,
  Pagination,
  Passing,
  PassingInput,
  RaceEvent,
  Session,
  SessionReceipt,
} from './generated/zod.gen.js';
