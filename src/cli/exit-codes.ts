/** What the exit code says. */
export const EXIT = {
  done: 0,
  failed: 1,
  misuse: 2,
  /** 401, 403. */
  keyRefused: 3,
  notFound: 4,
  /** The network, or what answers in the API's place. */
  unusable: 5,
  /** Done, but passings are parked or left. */
  left: 6,
  SIGINT: 130,
  SIGTERM: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
