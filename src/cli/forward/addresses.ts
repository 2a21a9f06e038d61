import { InvalidArgumentError } from 'commander';

export interface Address {
  readonly host: string;
  readonly port: number;
}

const LOOPBACK = '127.0.0.1';

/** `HOST:PORT`, `[::1]:PORT`; without a host, this machine alone. */
export function address(text: string): Address {
  const [, bracketed, plain, digits] = /^(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) {
    throw new InvalidArgumentError('Write it as HOST:PORT, such as 0.0.0.0:5000 or [::1]:5000.');
  }
  return { host: bracketed || plain || LOOPBACK, port };
}

export const shown = ({ host, port }: Address): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
