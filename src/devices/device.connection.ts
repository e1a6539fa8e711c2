/** Pages of devices for GraphQL: from the arguments of a listing to its connection. Called by the resolver. */
import { z } from 'zod';
import { decodeCursor, encodeCursor, toConnection, type Connection } from '../connection.js';
import { CodedError } from '../errors.js';
import { EMPTY_PAGE } from './device-listing.js';
import type { DeviceContext } from './device.loaders.js';
import type { ListingScope } from './device.store.js';
import { toDevice, type Device } from './device.types.js';
import { ownedScope, visibleScope } from './device.visibility.js';

/** As GraphQL hands them over: an absent argument may also be null. */
export interface PageArguments {
  readonly first: number;
  readonly after?: string | null | undefined;
}

/** Where a page ends: the pair of its last device, which stays a place in the order when that device is gone. */
const POSITION = z.tuple([z.string(), z.string()]);

export function pageOfVisibleDevices(
  { search, ...page }: PageArguments & { readonly search?: string | null | undefined },
  context: DeviceContext,
): Promise<Connection<Readonly<Device>>> {
  const text = search ?? '';
  return readPage(visibleScope(context.request.principal()), text, page, ['deviceListing', text], context);
}

export function pageOfOwnDevices(page: PageArguments, context: DeviceContext): Promise<Connection<Readonly<Device>>> {
  return readPage(ownedScope(context.request.principal()), '', page, ['viewer.devices'], context);
}

/** @param list what cursors are bound to. */
async function readPage(
  scope: ListingScope | undefined,
  search: string,
  { first, after }: PageArguments,
  list: readonly string[],
  { devices }: DeviceContext,
): Promise<Connection<Readonly<Device>>> {
  if (first < 1) throw new CodedError('BAD_USER_INPUT', 'first must be 1 or more.');
  const position = typeof after === 'string' ? decodeCursor(list, after, POSITION) : undefined;
  const page =
    scope === undefined
      ? EMPTY_PAGE
      : await devices.listing({
          scope,
          first,
          ...(search !== '' && { search }),
          ...(position && { after: { deviceId: position[0], name: position[1] } }),
        });
  return toConnection({
    nodes: page.devices.map(toDevice),
    cursorOf: ({ deviceId, name }) => encodeCursor(list, [deviceId, name]),
    hasNextPage: page.hasNextPage,
    hasPreviousPage: position !== undefined,
  });
}
