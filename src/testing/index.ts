export type { DispatcherLike } from '../types.js';
export { mswDispatcher } from './dispatcher.js';
export { Sandbox, serveSandbox } from './sandbox.js';
export type {
  SandboxFault,
  SandboxKeys,
  SandboxOptions,
  SandboxServer,
  SandboxState,
  ServedSandbox,
  ServeSandboxOptions,
} from './types.js';
