/** Models that a browser keeps. */
import { clearStore } from "../hub/part-store.js";

export { setHubEndpoint } from "../hub/browser-settings.js";

/**
 * Removes every model that this browser has kept for this site. Models that are loaded stay usable. Resolves to whether
 * there was anything.
 */
export function clearModels(): Promise<boolean> {
  return clearStore();
}
