import { isGenerationOption } from "./generation-names.js";
import type { KyutaiSpeechToTextConfig } from "./kyutai-speech-to-text-config.js";
import { findModel, type ModelLocation, readModelJson, toSortedJson, writeModelFile } from "./model-folder.js";
import { type PretrainedOptions, smallFileOptions } from "./pretrained-options.js";

const FILE = "generation_config.json";

/** Defaults of generate(): the entries of generation_config.json, which may be changed. */
export class GenerationConfig {
  /** Token that generate() begins with. */
  bos_token_id: number | null = null;
  /** Token that says nothing. */
  pad_token_id: number | null = null;
  /** Frames per call of the codec; null: the whole input in one call. */
  audio_window_size: number | null = null;
  /** Entries this class does not know are kept. */
  [name: string]: unknown;

  constructor(values: Readonly<Record<string, unknown>> = {}) {
    for (const [name, value] of Object.entries(values)) {
      if (!(name in GenerationConfig.prototype)) {
        Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
      }
    }
  }

  /**
   * Reads generation_config.json; without one, the model's configuration takes its place, as in transformers.
   *
   * Rejects with ERR_INVALID_ARGUMENT, ERR_FILE_NOT_FOUND, ERR_FILE_ACCESS, ERR_MODEL_FORMAT, ERR_MODEL_UNSUPPORTED; for
   * a model of the Hub as downloadModel does.
   */
  static async from_pretrained(
    location: ModelLocation,
    config?: KyutaiSpeechToTextConfig,
    options: PretrainedOptions = {},
  ): Promise<GenerationConfig> {
    const folder = await findModel(location, smallFileOptions(options));
    const values = await readModelJson(folder, FILE);
    const entries = values ?? entriesOf(config);
    return new GenerationConfig(Object.fromEntries(Object.entries(entries).filter(([name]) => !isDropped(name))));
  }

  /** All entries. */
  to_dict(): Record<string, unknown> {
    return { ...this };
  }

  /** to_dict(). */
  toJSON(): Record<string, unknown> {
    return this.to_dict();
  }

  /**
   * Writes generation_config.json, entries of null left out. Rejects with ERR_INVALID_ARGUMENT, ERR_FILE_ACCESS,
   * ERR_DISK_FULL.
   */
  async save_pretrained(folder: string): Promise<void> {
    const values = Object.fromEntries(Object.entries(this).filter(([, value]) => value !== null));
    await writeModelFile(folder, FILE, toSortedJson(values));
  }
}

/** What a model's configuration says of generate(). */
function entriesOf(config: KyutaiSpeechToTextConfig | undefined): Record<string, unknown> {
  const { bos_token_id = null, pad_token_id = null } = config ?? {};
  const entries = Object.entries(config?.to_dict() ?? {});
  return {
    ...Object.fromEntries(entries.filter(([name, value]) => value !== null && isGenerationOption(name))),
    bos_token_id,
    pad_token_id,
  };
}

/**
 * Measured with transformers 5.18: from_pretrained does not restore audio_window_size, so that generate() encodes the
 * whole input at once; entries with the prefix codec_ move to the codec, which takes no options here.
 */
function isDropped(name: string): boolean {
  return name === "audio_window_size" || name.startsWith("codec_");
}
