import { Agent, Pool } from 'undici';
import type { OpenedWire, Route } from '../connections.js';
import type { ProxyChoice, ProxyServer } from '../proxy.js';
import { Connection, directly } from './connection.js';
import { dispatchWire } from './dispatch.js';
import { requestWire } from './request.js';
import { throughProxy } from './tunnel.js';

/** Over the user's dispatcher, or over an agent of our own. */
export function openWire(route: Route): OpenedWire {
  if ('dispatcher' in route) return { wire: requestWire(route.dispatcher), close: () => Promise.resolve() };
  const agent = agentFor(route.connections, route.proxy);
  return { wire: dispatchWire(agent), close: () => agent.close() };
}

/** For TCP and TLS to the server or the proxy, in milliseconds. */
const CONNECT_MS = 5_000;

function agentFor(connections: number, proxyFor: ProxyChoice): Agent {
  const settings = {
    connections,
    pipelining: 1,
    allowH2: false,
    // Below the idle time-outs of common gateways: a socket that the server has closed meanwhile costs an attempt.
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 25_000,
  };
  return new Agent({
    ...settings,
    factory: (origin, options) => pool(origin, options, proxyFor(String(origin))),
  });
}

function pool(origin: string | URL, options: object, proxy: ProxyServer | undefined): Pool {
  const connect = proxy === undefined ? directly(CONNECT_MS) : throughProxy(proxy, CONNECT_MS);
  return new Pool(origin, { ...options, factory: (url, inner) => new Connection(url, inner, connect) });
}
