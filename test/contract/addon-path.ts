/** The addon that these tests load, for children that load it by themselves. */
import { fileURLToPath } from "node:url";
import { addonPlaces } from "../../ts/backend/native/load-addon.js";

export function addonPath(): string {
  const places = addonPlaces("cpu");
  const path = places.find((place) => place.path !== undefined)?.path;
  if (path === undefined) {
    throw new Error(`no addon to test: ${places.map(({ name, missing }) => `${name}: ${missing}`).join("; ")}`);
  }
  return path;
}

/** A small random checkpoint, of which there is one per parity test. */
export const SMALL_MODEL = fileURLToPath(new URL("../fixtures/parity/plain-f32/checkpoint", import.meta.url));

/** The model that ships with the package. */
export const EMBEDDED_MODEL = fileURLToPath(new URL("../../models/digits-en", import.meta.url));
