import { list } from '../core/lists.js';
import { bindDevice, ensureDevice, getDevice, listDevices, unbindDevice } from '../core/operations.js';
import type { Transport } from '../core/transport.js';
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
    return list(this.#transport, listDevices, { query }, options);
  }

  get(deviceid: string, options?: RequestOptions): RequestPromise<Device> {
    return this.#transport.call(getDevice, { deviceid }, options);
  }

  bind(device: BindDeviceInput, options?: RequestOptions): RequestPromise<{ deviceid: string; description: string }> {
    return this.#transport.call(bindDevice, { body: device }, options);
  }

  ensureBound(
    device: BindDeviceInput,
    options?: RequestOptions,
  ): RequestPromise<{ deviceid: string; created: boolean }> {
    return this.#transport.call(ensureDevice, { body: device }, options);
  }

  unbind(deviceid: string, options?: RequestOptions): RequestPromise<{ deviceid: string; description: string }> {
    return this.#transport.call(unbindDevice, { deviceid }, options);
  }
}
