export { fleetClient } from './client.js';
export { FleetUnavailableError } from './errors.js';
export { openFleet } from './fleet.js';
export { reportOutbox } from './report.js';
export type {
  FleetBatch,
  FleetCall,
  FleetClientOptions,
  FleetFollowOptions,
  FleetOptions,
  FleetPassingsOptions,
  FleetServeOptions,
  FleetStatus,
  ReportOptions,
} from './types.js';
export { Fleet } from './types.js';
