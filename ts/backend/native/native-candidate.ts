/** The addon as a candidate: can it be found here, and does it load. */
import type { Backend, BackendCandidate } from "../../contract/backend.js";
import { SttError } from "../../contract/errors.js";
import { addonPlaces, loadAddon, platformName } from "./load-addon.js";
import { NativeBackend } from "./native-backend.js";
import { probeAddon } from "./probe-child.js";

export const cpuCandidate: BackendCandidate = {
  kind: "cpu",
  async open() {
    return new NativeBackend("cpu", loadAddon(addonPlaces("cpu")));
  },
};

export const cudaCandidate: BackendCandidate = { kind: "cuda", open: openCuda };

async function openCuda(): Promise<Backend> {
  const places = addonPlaces("cuda").filter(({ path }) => path !== undefined);
  if (places.length === 0) {
    throw new SttError("ERR_BACKEND_UNAVAILABLE", `no CUDA build of this package is installed for ${platformName()}`);
  }
  for (const { path } of places) {
    if (path !== undefined) {
      await probeAddon(path);
    }
  }
  return new NativeBackend("cuda", loadAddon(places));
}
