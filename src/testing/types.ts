export interface SandboxOptions {
  /** Default 'spec': bodies inside `{"body": …}`. 'flat': as the older documentation shows them. */
  envelope?: 'spec' | 'flat' | undefined;
  /** Coordinates on reads. Default 'string', as the documentation's examples. */
  coordinates?: 'string' | 'number' | undefined;
  /** What the documentation leaves open, both ways. Defaults first. */
  endOfPages?: 'empty' | 'absent' | '404' | undefined;
  bindConflict?: 'deviceid' | 'bare' | undefined;
  duplicates?: 'number' | 'none' | undefined;
  pageSize?: number | undefined;
  maxBodyBytes?: number | undefined;
  latencyMs?: number | undefined;
}
export interface SandboxFault {
  /** Which calls, for example 'POST /passings'; default all. */
  on?: string | undefined;
  times?: number | undefined;
  kind: 'status' | 'reset-before' | 'reset-after' | 'hang' | 'drip' | 'truncate' | 'html';
  status?: number | undefined;
  headers?: Record<string, string> | undefined;
}
