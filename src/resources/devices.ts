import { list } from '../core/lists.js';
import { bindDevice, ensureDevice, getDevice, listDevices, unbindDevice } from '../core/operations.js';
import { pathId } from '../core/path-id.js';
import type { CallInput, Transport } from '../core/transport.js';
import { demand } from '../core/validation/demand.js';
import { checkDevice } from '../core/validation/requests.js';
import type {
  BindDeviceInput,
  Device,
  Devices,
  PagePromise,
  PageQuery,
  RequestOptions,
  RequestPromise,
} from '../types.js';

export class DevicesModule implements Devices {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query?: PageQuery & { limit?: number | undefined }, options?: RequestOptions): PagePromise<Device> {
    return list(this.#transport, listDevices, 'devices', undefined, query, options);
  }

  get(deviceid: string, options?: RequestOptions): RequestPromise<Device> {
    return this.#transport.call(getDevice, options, () => pathId(getDevice.name, 'deviceid', deviceid));
  }

  bind(device: BindDeviceInput, options?: RequestOptions): RequestPromise<{ deviceid: string; description: string }> {
    return this.#transport.call(bindDevice, options, () => binding(bindDevice.name, device));
  }

  ensureBound(
    device: BindDeviceInput,
    options?: RequestOptions,
  ): RequestPromise<{ deviceid: string; created: boolean }> {
    return this.#transport.call(ensureDevice, options, () => binding(ensureDevice.name, device));
  }

  unbind(deviceid: string, options?: RequestOptions): RequestPromise<{ deviceid: string; description: string }> {
    return this.#transport.call(unbindDevice, options, () => pathId(unbindDevice.name, 'deviceid', deviceid));
  }
}

function binding(operation: string, device: BindDeviceInput): CallInput {
  return { body: JSON.stringify(demand(operation, checkDevice(device))) };
}
