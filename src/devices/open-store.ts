/** Opens the device store that the configuration asks for. Called once, by `app.ts`. */
import type { Db } from 'mongodb';
import type { DeviceStore } from './device.store.js';
import { EmbeddedDeviceStore } from './embedded.store.js';

/** In memory: the devices of a file, or the demo fleet. Rejects with what is wrong with the file, and where. */
export async function openEmbeddedStore(devicesFile: string | undefined): Promise<DeviceStore> {
  if (devicesFile === undefined) {
    const { demoFleet } = await import('./demo-fleet.js');
    return new EmbeddedDeviceStore(demoFleet());
  }
  const { readDevicesFile } = await import('./devices-file.js');
  return new EmbeddedDeviceStore(await readDevicesFile(devicesFile));
}

/** `prepare` creates the indexes; to be called when the database can be asked. */
export async function openMongoStore(db: Db): Promise<{ readonly store: DeviceStore; readonly prepare: () => Promise<void> }> {
  const { MongoDeviceStore } = await import('./mongo.store.js');
  const store = new MongoDeviceStore(db);
  return { store, prepare: () => store.ensureIndexes() };
}
