/** Which files of a repository a model needs. */
import { SttError } from "../contract/errors.js";
import { checkRepositoryPath, type ModelReference, parseModelReference } from "./model-reference.js";

export interface FileSelection {
  /** Paths in the repository; all of them must be there. */
  readonly files: readonly string[];
  /** As well, unless only configuration and tokenizer are wanted and can do without. */
  readonly weights: readonly string[];
  /** Files of other repositories, to stand beside them. */
  readonly references: readonly ModelReference[];
  /** The one file that a loader opens; undefined: it opens the folder. */
  readonly entry: string | undefined;
}

/** Reads a small JSON file of the repository. */
export type JsonReader = (path: string) => Promise<Record<string, unknown>>;

const CONFIG = "config.json";
const SINGLE_WEIGHTS = "model.safetensors";
const WEIGHTS_INDEX = "model.safetensors.index.json";
/** Small files of the transformers layout that a checkpoint may lack. */
const TRANSFORMERS_OPTIONAL: readonly string[] = [
  "generation_config.json",
  "preprocessor_config.json",
  "processor_config.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
];

/** Keys of an original config.json that name files, with the usual names where it does not (as in the core). */
const ORIGINAL_FILES: Readonly<Record<string, readonly string[]>> = {
  tokenizer_name: [
    "tokenizer_spm_32k_3.model",
    "tokenizer_en_fr_audio_8000.model",
    "tokenizer_en_audio_4000.model",
    "tokenizer_spm_8k_en_fr.model",
    "tokenizer.json",
  ],
  mimi_name: [
    "tokenizer-e351c8d8-checkpoint125.safetensors",
    "mimi-pytorch-e351c8d8@125.safetensors",
    "mimi-e351c8d8-125.gguf",
  ],
  moshi_name: [SINGLE_WEIGHTS, "model.gguf"],
};

/** Keys of which an original config.json has one at least. */
const ORIGINAL_KEYS: readonly string[] = ["card", "n_q", "mimi_name", "tokenizer_name"];

/** moshi.cpp keeps codec and tokenizer, which its models share, in a repository of their own. */
const COMPANIONS: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map([
  [
    "Codes4Fun/stt-1b-en_fr-GGUF",
    {
      mimi_name: "hf://Codes4Fun/moshi-common/mimi-e351c8d8-125.gguf",
      tokenizer_name: "hf://Codes4Fun/moshi-common/tokenizer_spm_8k_en_fr.model",
    },
  ],
]);

/** Names under which the files of a model go, for places that cannot be listed. */
export const KNOWN_FILES: readonly string[] = [
  CONFIG,
  WEIGHTS_INDEX,
  ...TRANSFORMERS_OPTIONAL,
  ...new Set(Object.values(ORIGINAL_FILES).flat()),
];

/**
 * `names`: every file there is; `file`: the file of weights, if the user named one. Layouts are recognised by
 * config.json: that of transformers says so, the original one (also -candle and -mlx) names its files.
 *
 * Errors: ERR_MODEL_UNSUPPORTED, ERR_MODEL_FORMAT, ERR_INVALID_ARGUMENT (several models), ERR_DOWNLOAD (a path that
 * leads out of the repository), those of `readJson`.
 */
export async function selectFiles(
  repository: string,
  names: ReadonlySet<string>,
  readJson: JsonReader,
  file: string | undefined,
): Promise<FileSelection> {
  const config = names.has(CONFIG) ? await readJson(CONFIG) : undefined;
  const selection = await byLayout(repository, names, readJson, file, config);
  for (const path of [...selection.files, ...selection.weights]) {
    checkRepositoryPath(path, repository);
  }
  return selection;
}

async function byLayout(
  repository: string,
  names: ReadonlySet<string>,
  readJson: JsonReader,
  file: string | undefined,
  config: Record<string, unknown> | undefined,
): Promise<FileSelection> {
  if (config?.["model_type"] === "kyutai_speech_to_text") {
    const weights = file === undefined ? await transformersWeights(names, readJson) : [file];
    if (weights !== undefined) {
      const optional = TRANSFORMERS_OPTIONAL.filter((name) => names.has(name));
      return { files: [CONFIG, "tokenizer.json", ...optional], weights, references: [], entry: file };
    }
  }
  if (config !== undefined && ORIGINAL_KEYS.some((key) => key in config)) {
    return originalFiles(repository, names, config, file);
  }
  return ggufFiles(repository, names, file);
}

async function transformersWeights(
  names: ReadonlySet<string>,
  readJson: JsonReader,
): Promise<readonly string[] | undefined> {
  if (names.has(SINGLE_WEIGHTS)) {
    return [SINGLE_WEIGHTS];
  }
  if (!names.has(WEIGHTS_INDEX)) {
    return hasGguf(names) ? undefined : [SINGLE_WEIGHTS];
  }
  const { weight_map: map } = await readJson(WEIGHTS_INDEX);
  const shards: unknown[] = typeof map === "object" && map !== null ? Object.values(map) : [];
  if (shards.length === 0 || !shards.every((shard) => typeof shard === "string")) {
    throw new SttError("ERR_MODEL_FORMAT", `${WEIGHTS_INDEX} has no weight_map of file names`, {
      remedy: "Use another revision of the model.",
    });
  }
  return [WEIGHTS_INDEX, ...new Set(shards as string[])];
}

/**
 * The original layout and its relatives: config.json names the files, some perhaps in other repositories. Weights are
 * no extra here: only with them does the core know what transformers' configuration files would say.
 */
function originalFiles(
  repository: string,
  names: ReadonlySet<string>,
  config: Record<string, unknown>,
  file: string | undefined,
): FileSelection {
  const companions = COMPANIONS.get(repository) ?? {};
  const found = Object.entries(ORIGINAL_FILES).map(([key, usual]): [string, unknown] => {
    const name = key === "moshi_name" ? (file ?? config[key]) : config[key];
    return [key, name ?? usual.find((candidate) => names.has(candidate)) ?? companions[key]];
  });
  const dimensions = config["mimi_config_name"];
  if (dimensions !== undefined && dimensions !== null) {
    found.unshift(["mimi_config_name", dimensions]);
  }
  const files = [CONFIG];
  const references: ModelReference[] = [];
  for (const [key, name] of found) {
    if (typeof name !== "string") {
      throw new SttError("ERR_MODEL_FORMAT", `${repository}: config.json does not name the file '${key}'`, {
        remedy: "Use another revision of the model.",
      });
    }
    if (name.startsWith("hf://")) {
      references.push(parseModelReference(name));
    } else {
      files.push(name);
    }
  }
  return { files, weights: [], references, entry: file };
}

function ggufFiles(repository: string, names: ReadonlySet<string>, file: string | undefined): FileSelection {
  const found = [...names].filter((name) => name.endsWith(".gguf"));
  const [only] = found;
  if (file === undefined && found.length > 1) {
    throw new SttError("ERR_INVALID_ARGUMENT", `${repository} holds several models: ${found.join(", ")}`, {
      remedy: `Name one of them, for example "hf://${repository}/${only}".`,
    });
  }
  const entry = file ?? only;
  if (entry === undefined) {
    throw new SttError("ERR_MODEL_UNSUPPORTED", `${repository} holds no speech-to-text model of a known layout`, {
      remedy: "Pass a repository of Kyutai's speech-to-text models, or one with a .gguf file of them.",
    });
  }
  const beside = names.has(CONFIG) ? [CONFIG] : [];
  // Configuration and tokenizer are in the file itself, or useless without it.
  return { files: [entry, ...beside], weights: [], references: [], entry };
}

function hasGguf(names: ReadonlySet<string>): boolean {
  return [...names].some((name) => name.endsWith(".gguf"));
}
