/** The public surface of the package in browsers. Nothing that it leads to needs Node. */
import { assetUrl } from "./assets.browser.js";
import { selectBackend } from "./backend/select.js";
import { browserWasmHost } from "./backend/wasm/host.browser.js";
import { wasmCandidates } from "./backend/wasm/wasm-candidate.js";
import { embeddedFiles } from "./embedded-model.browser.js";
import { browserModelFolderHost } from "./model/model-folder.browser.js";
import { setModelFolderHost } from "./model/model-folder.js";
import { setBackendOpener } from "./model/runtime.js";

const candidates = wasmCandidates(async () => browserWasmHost(assetUrl));

setBackendOpener((preference) => selectBackend(preference, candidates));
setModelFolderHost(async () => browserModelFolderHost(embeddedFiles));

export { clearModels, setHubEndpoint } from "./api/hub-models.browser.js";
export { setAssetBase } from "./assets.browser.js";
export * from "./index.common.js";
