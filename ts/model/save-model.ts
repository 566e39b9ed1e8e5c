/** A loaded model as a folder that transformers loads, too. */
import { SttError } from "../contract/errors.js";
import { describePath } from "./foreign-layout.js";
import { GenerationConfig } from "./generation-config.js";
import type { KyutaiSpeechToTextConfig } from "./kyutai-speech-to-text-config.js";
import { copyModelFiles, type ModelSource, readModelJson } from "./model-folder.js";
import { invalidArgument, show } from "./option-checks.js";

const SINGLE_FILE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

export async function saveModel(
  source: ModelSource,
  config: KyutaiSpeechToTextConfig,
  generationConfig: GenerationConfig,
  folder: unknown,
): Promise<void> {
  if (typeof folder !== "string" || folder === "") {
    throw invalidArgument(`save_pretrained: the folder must be a path, not ${show(folder)}`, "Pass a path.");
  }
  const { layout, files } = await describePath(source.path);
  if (layout !== "transformers") {
    throw new SttError(
      "ERR_MODEL_UNSUPPORTED",
      `save_pretrained writes the weights as they are stored, and those of ${source.path} are in the ${layout} layout, ` +
        "which transformers does not load",
      { remedy: "Load the -trfs repository of this model, or write one GGUF file with convertModel." },
    );
  }
  await copyModelFiles(weightFiles(files), folder);
  await config.save_pretrained(folder);
  await new GenerationConfig({ ...(await codecEntries(source)), ...generationConfig.to_dict() }).save_pretrained(
    folder,
  );
}

/** The files that hold weights, and of several the one that says which holds what. */
function weightFiles(files: readonly string[]): string[] {
  const weights = files.filter((file) => file.endsWith(".safetensors"));
  const [first = ""] = weights;
  return first.endsWith(SINGLE_FILE) ? weights : [...weights, `${first.replace(/[^/\\]*$/, "")}${INDEX}`];
}

/** As transformers does: the codec's own generation config lies in the model's, under a prefix. */
async function codecEntries(source: ModelSource): Promise<Record<string, unknown>> {
  const stored = (await readModelJson(source.path, "generation_config.json")) ?? {};
  return Object.fromEntries(Object.entries(stored).filter(([name]) => name.startsWith("codec_")));
}
