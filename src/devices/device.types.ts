/** The GraphQL types of devices and of who asks for them. Shapes and descriptions only; nothing here decides anything. */
import { Field, ID, InputType, ObjectType, registerEnumType } from 'type-graphql';
import { PERMISSIONS } from '../auth/principal.js';
import { CacheInvalidationType } from '../cache-invalidation.type.js';
import type { Invalidation } from '../cache/cache.js';
import { connectionType } from '../connection.js';
import { commonName, type DeviceRecord } from './device.store.js';

export const Visibility = { PUBLIC: 'PUBLIC', PRIVATE: 'PRIVATE' } as const;
export type Visibility = keyof typeof Visibility;

registerEnumType(Visibility, {
  name: 'Visibility',
  description: 'Who may see a device.',
  valuesConfig: {
    PUBLIC: { description: 'Everybody.' },
    PRIVATE: {
      description:
        "The owner, the device itself by its API key, and services with `devices:read`. Others can't tell that it exists.",
    },
  },
});

export const ViewerKind = { USER: 'USER', DEVICE: 'DEVICE', SERVICE: 'SERVICE' } as const;
export type ViewerKind = keyof typeof ViewerKind;

registerEnumType(ViewerKind, {
  name: 'ViewerKind',
  description: 'What kind of caller asks.',
  valuesConfig: {
    USER: { description: 'A person, by a bearer token whose subject is a UUID. May own devices.' },
    DEVICE: { description: 'A device, by its API key.' },
    SERVICE: { description: 'A program, by a bearer token with any other subject. Owns nothing.' },
  },
});

@ObjectType({
  description:
    'A sensor device: one device id under one name, held by one owner. Replaced hardware keeps the name, so its history goes on.',
  simpleResolvers: true,
})
export class Device {
  @Field(() => ID, { description: 'The common name, `deviceId|name`, by which other OpenSensor APIs know the device.' })
  id!: string;

  @Field(() => String, { description: 'What the hardware reports as, e.g. `greenhouse-7f3a`.' })
  deviceId!: string;

  @Field(() => String, { description: 'The name that its owner has given it; replaced hardware has the same.' })
  name!: string;

  @Field(() => String, { description: "The owner's words about it; may be empty." })
  description!: string;

  @Field(() => Visibility, { description: 'PRIVATE when any device of its chain is.' })
  visibility!: Visibility;

  @Field(() => [String], {
    description:
      'The chain: every device id of the owner under this name, this one included, in the order registered. Readings of all belong together.',
  })
  deviceIds!: readonly string[];
}

export function toDevice(record: DeviceRecord): Readonly<Device> {
  const { deviceId, name, description, deviceIds } = record;
  return { id: commonName(record), deviceId, name, description, visibility: record.isPrivate ? 'PRIVATE' : 'PUBLIC', deviceIds };
}

export const DeviceConnection = connectionType(Device, 'Device');

@ObjectType({ description: 'Who is asking.' })
export class Viewer {
  @Field(() => ID, { description: "The token's subject, or the common name of the device." })
  id!: string;

  @Field(() => ViewerKind, { description: 'What kind of caller this is.' })
  kind!: ViewerKind;

  @Field(() => [String], {
    description: `What the caller may do beyond its own devices: of \`${PERMISSIONS.join('`, `')}\` those it has, sorted.`,
  })
  permissions!: readonly string[];
}

@InputType({ description: 'A device to be registered.' })
export class RegisterDeviceInput {
  @Field(() => String, { description: 'What the hardware reports as: 1 to 256 bytes of UTF-8, no control characters, no `|`.' })
  deviceId!: string;

  @Field(() => String, {
    description: 'Its name: 1 to 256 bytes of UTF-8, no control characters. A name in use adds the device to that chain.',
  })
  name!: string;

  @Field(() => String, { defaultValue: '', description: 'Words about it, 4,096 bytes of UTF-8 at most.' })
  description!: string;

  @Field(() => Visibility, {
    defaultValue: Visibility.PUBLIC,
    description: 'Who may see it. PRIVATE makes the whole chain private.',
  })
  visibility!: Visibility;
}

@InputType({ description: 'What is to change about a device. An absent or null field is left as it is.' })
export class UpdateDeviceInput {
  @Field(() => String, { nullable: true, description: 'Words about it, 4,096 bytes of UTF-8 at most.' })
  description?: string | null;

  @Field(() => Visibility, { nullable: true, description: 'Who may see it; goes to every device of its chain.' })
  visibility?: Visibility | null;
}

@ObjectType({ description: 'A device just registered.' })
export class RegisterDevicePayload {
  @Field(() => Device, { description: 'The device.' })
  device!: Readonly<Device>;

  @Field(() => String, { description: 'The secret by which the device identifies itself. Shown this one time.' })
  apiKey!: string;

  @Field(() => CacheInvalidationType, { description: 'What became of cached answers that this has changed.' })
  invalidation!: Invalidation;
}

@ObjectType({ description: 'A device just changed.' })
export class UpdateDevicePayload {
  @Field(() => Device, { description: 'The device as it is now.' })
  device!: Readonly<Device>;

  @Field(() => CacheInvalidationType, { description: 'What became of cached answers that this has changed.' })
  invalidation!: Invalidation;
}

@ObjectType({ description: 'A device just removed.' })
export class RemoveDevicePayload {
  @Field(() => ID, { description: 'The common name that the device had.' })
  removedId!: string;

  @Field(() => CacheInvalidationType, { description: 'What became of cached answers that this has changed.' })
  invalidation!: Invalidation;
}

@ObjectType({ description: "A device's secret." })
export class RevealApiKeyPayload {
  @Field(() => String, { description: 'The secret by which the device identifies itself. Never cached, never logged.' })
  apiKey!: string;
}
