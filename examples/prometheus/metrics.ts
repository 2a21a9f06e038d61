import type { OutboxState, OutboxStats } from 'rufus-client/outbox';

interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** Undefined: nothing to tell just now. */
  readonly value: (stats: OutboxStats) => number | undefined;
}

const STATES: readonly OutboxState[] = ['idle', 'sending', 'backoff', 'blocked', 'paused', 'closed'];

// Counters last as long as the folder, over restarts.
const METRICS: readonly Metric[] = [
  {
    name: 'oldest_pending_age_seconds',
    type: 'gauge',
    help: 'Age of the oldest passing that is not delivered. Alarm on this one.',
    value: ({ oldestPendingAgeMs }) => (oldestPendingAgeMs ?? 0) / 1_000,
  },
  { name: 'pending', type: 'gauge', help: 'Passings not yet delivered.', value: ({ pending }) => pending },
  { name: 'parked', type: 'gauge', help: 'Passings set aside for an operator.', value: ({ parked }) => parked },
  { name: 'appended_total', type: 'counter', help: 'Passings taken.', value: ({ appended }) => appended },
  { name: 'delivered_total', type: 'counter', help: 'Passings delivered.', value: ({ delivered }) => delivered },
  { name: 'requests_total', type: 'counter', help: 'Insert requests.', value: ({ requests }) => requests },
  {
    name: 'retries_total',
    type: 'counter',
    help: 'Those that repeated a failed one.',
    value: ({ retries }) => retries,
  },
  { name: 'disk_bytes', type: 'gauge', help: 'Size of the folder.', value: ({ diskBytes }) => diskBytes },
  {
    name: 'storage_ok',
    type: 'gauge',
    help: '1 while appends are taken, 0 on a full or failed disk.',
    value: ({ storage }) => Number(storage === 'ok'),
  },
  {
    name: 'last_delivered_timestamp_seconds',
    type: 'gauge',
    help: 'When the last batch was confirmed.',
    value: ({ lastDeliveredAt }) => (lastDeliveredAt === null ? undefined : Date.parse(lastDeliveredAt) / 1_000),
  },
];

/**
 * The text format of Prometheus. The label is the checkpoint: a session's token is a secret and never a label, and
 * `lastError` is for the log.
 */
export function metricsOf(outboxes: Readonly<Record<string, OutboxStats>>): string {
  const entries = Object.entries(outboxes).map(([name, stats]) => ({ label: `checkpoint="${escaped(name)}"`, stats }));
  const lines = METRICS.flatMap(({ name, type, help, value }) => {
    const samples = entries.flatMap(({ label, stats }) => {
      const figure = value(stats);
      return figure === undefined ? [] : [`rufus_outbox_${name}{${label}} ${figure}`];
    });
    return [`# HELP rufus_outbox_${name} ${help}`, `# TYPE rufus_outbox_${name} ${type}`, ...samples];
  });
  const states = entries.flatMap(({ label, stats }) =>
    STATES.map((state) => `rufus_outbox_state{${label},state="${state}"} ${Number(stats.state === state)}`),
  );
  const stateHead = ['# HELP rufus_outbox_state 1 for the state it is in.', '# TYPE rufus_outbox_state gauge'];
  return `${[...lines, ...stateHead, ...states].join('\n')}\n`;
}

const escaped = (label: string) => label.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));
