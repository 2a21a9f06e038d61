import type { CallInput } from './transport.js';
import { demandNone } from './validation/demand.js';
import { checkId } from './validation/ids.js';

/** The id that goes into the path, checked. */
export function pathId(operation: string, field: 'deviceid' | 'token_session', id: string): CallInput & { id: string } {
  demandNone(operation, checkId(field, id));
  return { id };
}
