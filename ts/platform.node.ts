/** What Node has and browsers lack, for the modules that run in both. Imported for its effect. */
import { setAudioHost } from "./audio/host.js";
import { setModelFolderHost } from "./model/model-folder.js";

setAudioHost(async () => (await import("./audio/host.node.js")).nodeAudioHost);
setModelFolderHost(async () => {
  const { nodeModelFolderHost } = await import("./model/model-folder.node.js");
  const { copyFiles, removeOldWeights } = await import("./model/weight-files.node.js");
  return { ...nodeModelFolderHost, copyFiles, removeOldWeights };
});
