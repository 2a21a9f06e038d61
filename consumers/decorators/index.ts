// A service in the manner of NestJS: CommonJS, legacy decorators, constructor injection by emitted type metadata.
import 'reflect-metadata';
import { type PassingInput, RufusAPIError, RufusClient } from 'rufus-client';
import { SessionClosedError } from 'rufus-client/outbox';
import { PassingInput as PassingSchema } from 'rufus-client/schemas';

type Constructor<T = object> = new (...dependencies: never[]) => T;

const factories = new Map<Constructor, () => object>();
const instances = new Map<Constructor, object>();

/** Marks a class whose constructor's types say what it needs. */
function Injectable(): ClassDecorator {
  return (target) => Reflect.defineMetadata('injectable', true, target);
}

function resolve<T extends object>(target: Constructor<T>): T {
  const known = instances.get(target);
  if (known !== undefined) return known as T;
  const needs: Constructor[] = Reflect.getMetadata('design:paramtypes', target) ?? [];
  const made = factories.get(target)?.() ?? new target(...(needs.map((need) => resolve(need)) as never[]));
  instances.set(target, made);
  return made as T;
}

@Injectable()
class Finish {
  constructor(private readonly rufus: RufusClient) {}

  async record(serial_number: string, bibs: readonly string[]): Promise<number> {
    const { deviceid } = await this.rufus.devices.ensureBound({ type: 'reader', model: 'Nest', serial_number });
    const { token_session } = await this.rufus.sessions.create({ deviceid, alias: 'Finish' });
    const passings = bibs.map((bib, index): PassingInput => ({ num_passing: index + 1, bib, timestamp: new Date() }));
    for (const { timestamp, ...rest } of passings)
      PassingSchema.parse({ ...rest, timestamp: new Date(timestamp).toISOString() });
    const { sent } = await this.rufus.passings.insertMany(token_session, passings);
    return sent;
  }

  async statusOf(token_session: string): Promise<number> {
    try {
      await this.rufus.sessions.get(token_session);
      return 200;
    } catch (error) {
      if (error instanceof SessionClosedError) return 409;
      if (error instanceof RufusAPIError) return error.status;
      throw error;
    }
  }
}

@Injectable()
class FinishController {
  constructor(private readonly finish: Finish) {}

  async post(): Promise<void> {
    const sent = await this.finish.record(process.env.CONSUMER ?? '', ['7', 'W1', 'F12']);
    const status = await this.finish.statusOf('unknown');
    if (sent !== 3 || status !== 404) throw new Error(`${sent} sent, status ${status}`);
  }
}

async function bootstrap(): Promise<void> {
  factories.set(RufusClient, () => new RufusClient());
  await resolve(FinishController).post();
  await resolve(RufusClient).close();
}

void bootstrap();
