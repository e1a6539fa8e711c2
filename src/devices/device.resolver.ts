/** The device part of the GraphQL schema: arguments in, the domain's answers out. Decides nothing itself. */
import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Connection } from '../connection.js';
import type { DeviceChanges } from './device.changes.js';
import { pageOfOwnDevices, pageOfVisibleDevices } from './device.connection.js';
import type { DeviceContext } from './device.loaders.js';
import {
  Device,
  DeviceConnection,
  RegisterDeviceInput,
  RegisterDevicePayload,
  RemoveDevicePayload,
  RevealApiKeyPayload,
  toDevice,
  UpdateDeviceInput,
  UpdateDevicePayload,
  Viewer,
} from './device.types.js';

const DEFAULT_PAGE = 50;
const ID_DESCRIPTION =
  'A common name (`deviceId|name`), or a bare device id, which stands for the first device that its owner registered with it.';
const FIRST_DESCRIPTION = 'How many at most, 1 to 500.';
const AFTER_DESCRIPTION = 'Only what follows this cursor, which comes from a page with the same other arguments.';

@Resolver(() => Device)
export class DeviceResolver {
  constructor(readonly changes: DeviceChanges) {}

  @Query(() => Device, { nullable: true, description: 'One device. Null when there is none, or the caller may not see it.' })
  async device(
    @Arg('id', () => ID, { description: ID_DESCRIPTION }) id: string,
    @Ctx() { devices }: DeviceContext,
  ): Promise<Readonly<Device> | null> {
    const device = await devices.device(id);
    return device && toDevice(device);
  }

  @Query(() => [Device], {
    nullable: 'itemsAndList',
    description: 'Many devices at once, in the order asked; null where `device` would be null.',
  })
  async devices(
    @Arg('ids', () => [ID], { description: 'As `device` takes them: 0 to 1,000, duplicates allowed.' }) ids: string[],
    @Ctx() { devices }: DeviceContext,
  ): Promise<(Readonly<Device> | null)[]> {
    return (await devices.devices(ids)).map((device) => device && toDevice(device));
  }

  @Query(() => DeviceConnection, {
    nullable: true,
    description:
      'Every device that the caller may see, ordered by device id, then name. A device that is there throughout a walk over the pages is seen exactly once.',
  })
  deviceListing(
    @Arg('search', () => String, {
      nullable: true,
      description: 'Literal text, part of device id or name, case ignored. Empty: all.',
    })
    search: string | null | undefined,
    @Arg('first', () => Int, { defaultValue: DEFAULT_PAGE, description: FIRST_DESCRIPTION }) first: number,
    @Arg('after', () => String, { nullable: true, description: AFTER_DESCRIPTION }) after: string | null | undefined,
    @Ctx() context: DeviceContext,
  ): Promise<Connection<Readonly<Device>>> {
    return pageOfVisibleDevices({ search, first, after }, context);
  }

  @Mutation(() => RegisterDevicePayload, {
    nullable: true,
    description:
      'Registers a device for the calling user. `DEVICE_EXISTS` when anybody, the caller included, holds the pair of id and name.',
  })
  async registerDevice(
    @Arg('input', () => RegisterDeviceInput, { description: 'The device to be.' }) input: RegisterDeviceInput,
    @Ctx() { request }: DeviceContext,
  ): Promise<Readonly<RegisterDevicePayload>> {
    const { device, ...rest } = await this.changes.register(request, input);
    return { ...rest, device: toDevice(device) };
  }

  @Mutation(() => UpdateDevicePayload, { nullable: true, description: 'Changes a device. The owner only.' })
  async updateDevice(
    @Arg('id', () => ID, { description: ID_DESCRIPTION }) id: string,
    @Arg('input', () => UpdateDeviceInput, { description: 'What is to change.' }) input: UpdateDeviceInput,
    @Ctx() { request }: DeviceContext,
  ): Promise<Readonly<UpdateDevicePayload>> {
    const { device, invalidation } = await this.changes.update(request, id, input);
    return { device: toDevice(device), invalidation };
  }

  @Mutation(() => RemoveDevicePayload, {
    nullable: true,
    description: 'Removes a device and all API keys of its pair. The owner only.',
  })
  removeDevice(
    @Arg('id', () => ID, { description: ID_DESCRIPTION }) id: string,
    @Ctx() { request }: DeviceContext,
  ): Promise<Readonly<RemoveDevicePayload>> {
    return this.changes.remove(request, id);
  }

  @Mutation(() => RevealApiKeyPayload, {
    nullable: true,
    description: "Shows a device's API key. The owner only; never cached, never logged.",
  })
  async revealApiKey(
    @Arg('id', () => ID, { description: ID_DESCRIPTION }) id: string,
    @Ctx() { request }: DeviceContext,
  ): Promise<Readonly<RevealApiKeyPayload>> {
    return { apiKey: await this.changes.revealApiKey(request, id) };
  }
}

@Resolver(() => Viewer)
export class ViewerResolver {
  @Query(() => Viewer, { nullable: true, description: 'Who is asking; null when anonymous.' })
  viewer(@Ctx() { request }: DeviceContext): Readonly<Viewer> | null {
    request.noStore();
    const principal = request.principal();
    return principal.kind === 'ANONYMOUS' ? null : { id: principal.id, kind: principal.kind, permissions: principal.permissions };
  }

  @FieldResolver(() => DeviceConnection, {
    nullable: true,
    description: "What the caller owns: a user's devices, the device itself, nothing for a service.",
  })
  devices(
    @Root() _viewer: Viewer,
    @Arg('first', () => Int, { defaultValue: DEFAULT_PAGE, description: FIRST_DESCRIPTION }) first: number,
    @Arg('after', () => String, { nullable: true, description: AFTER_DESCRIPTION }) after: string | null | undefined,
    @Ctx() context: DeviceContext,
  ): Promise<Connection<Readonly<Device>>> {
    return pageOfOwnDevices({ first, after }, context);
  }
}
