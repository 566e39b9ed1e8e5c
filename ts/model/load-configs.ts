/** The configurations of a model as it is about to be loaded. */
import { describePath, type SourceRequest } from "./foreign-layout.js";
import { GenerationConfig } from "./generation-config.js";
import { warnOfUseless } from "./generation-support.js";
import { KyutaiSpeechToTextConfig } from "./kyutai-speech-to-text-config.js";

export interface LoadedConfigs {
  readonly config: KyutaiSpeechToTextConfig;
  readonly generationConfig: GenerationConfig;
}

/** `folder`: of the checkpoint, or its file of weights. `given`: in place of its generation config. */
export async function loadConfigs(
  folder: string,
  request: SourceRequest,
  given?: GenerationConfig,
): Promise<LoadedConfigs> {
  const { transformersCompat } = request;
  const described = transformersCompat === undefined ? undefined : await describePath(folder, request);
  if (transformersCompat && described !== undefined && described.layout !== "transformers") {
    return {
      config: KyutaiSpeechToTextConfig.from_dict(described.config),
      generationConfig: given ?? new GenerationConfig(described.generation_config),
    };
  }
  const config = await KyutaiSpeechToTextConfig.from_pretrained(folder);
  if (described?.layout === "transformers") {
    // All else that layout says itself, in files of its own.
    config.sliding_window = Number(described.config["sliding_window"]);
  }
  const generationConfig = given ?? (await GenerationConfig.from_pretrained(folder, config));
  warnOfUseless(Object.keys(generationConfig.to_dict()), generationConfig.to_dict());
  return { config, generationConfig };
}
