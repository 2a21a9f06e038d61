export type { DispatcherLike } from '../types.js';
export { mswDispatcher } from './dispatcher.js';
export { Sandbox } from './sandbox.js';
export { serveSandbox } from './serve-sandbox.js';
export type {
  SandboxFault,
  SandboxKeys,
  SandboxOptions,
  SandboxServer,
  SandboxState,
  ServedSandbox,
  ServeSandboxOptions,
} from './types.js';
