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

/** moshi.cpp keeps codec and tokenizer, which its models share, in a repository of their own. */
const COMPANIONS: ReadonlyMap<string, readonly string[]> = new Map([
  [
    "Codes4Fun/stt-1b-en_fr-GGUF",
    ["hf://Codes4Fun/moshi-common/mimi-e351c8d8-125.gguf", "hf://Codes4Fun/moshi-common/tokenizer_spm_8k_en_fr.model"],
  ],
]);

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
  if (file?.endsWith(".gguf")) {
    return ggufFiles(repository, names, file);
  }
  if (config?.["model_type"] === "kyutai_speech_to_text") {
    const weights = file === undefined ? await transformersWeights(names, readJson) : [file];
    if (weights !== undefined) {
      const optional = TRANSFORMERS_OPTIONAL.filter((name) => names.has(name));
      return { files: [CONFIG, "tokenizer.json", ...optional], weights, references: [], entry: file };
    }
  }
  if (config !== undefined && ("mimi_name" in config || "tokenizer_name" in config)) {
    const original = originalFiles(repository, config, file);
    if (original.files.every((name) => names.has(name)) || !hasGguf(names)) {
      return original;
    }
  }
  return ggufFiles(repository, names, undefined);
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
function originalFiles(repository: string, config: Record<string, unknown>, file: string | undefined): FileSelection {
  const files = [CONFIG];
  const references: ModelReference[] = [];
  const { moshi_name: decoder = SINGLE_WEIGHTS, mimi_name: codec, tokenizer_name: tokenizer } = config;
  const named = { tokenizer_name: tokenizer, mimi_name: codec, moshi_name: file ?? decoder };
  for (const [key, name] of Object.entries(named)) {
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
  const references = (COMPANIONS.get(repository) ?? []).map(parseModelReference);
  // Configuration and tokenizer are in the file itself, or useless without it.
  return { files: [entry, ...beside], weights: [], references, entry };
}

function hasGguf(names: ReadonlySet<string>): boolean {
  return [...names].some((name) => name.endsWith(".gguf"));
}
