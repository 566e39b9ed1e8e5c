/** Checkpoints in other layouts than transformers': the core reads them and says what transformers' files would say. */
import type { SourceOptions } from "../contract/backend.js";
import { SttError } from "../contract/errors.js";
import { checkBoolean, checkInteger } from "./option-checks.js";
import { openBackend } from "./runtime.js";

/** Bound of the core; no checkpoint comes near. */
const MAX_CODEBOOKS = 4096;

/** The JSON document of kstt_model_describe; cpp/include/kstt-model.h lists its members. */
export interface ModelDescription {
  /** "transformers", "original", "candle", "mlx", "gguf" or "moshi.cpp". */
  readonly layout: string;
  /** Paths read, weights first. */
  readonly files: readonly string[];
  /** With the keys of transformers' config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  /** With those of generation_config.json. */
  readonly generation_config: Readonly<Record<string, unknown>>;
  /** With those of preprocessor_config.json. */
  readonly preprocessor_config: Readonly<Record<string, unknown>>;
  /** The vocabulary and its file. */
  readonly tokenizer: { readonly kind: "tokenizer_json" | "sentencepiece"; readonly file: string };
  /** Audio streams the decoder reads. */
  readonly n_codebooks: number;
  /** Tokens that can come out. */
  readonly output_vocab_size: number;
  /** Pause heads and their classes; count 0: none. */
  readonly extra_heads: { readonly count: number; readonly classes: number };
  /** Weights, both halves together. */
  readonly parameters: number;
  /** Weights, as stored. */
  readonly bytes: number;
  /** The text decoder. */
  readonly decoder: ModelPart;
  /** The Mimi encoder. */
  readonly codec: ModelPart;
}

/** Half of a model: what it holds, in total and by type ("bf16", ...). */
export interface ModelPart {
  /** Number of weights. */
  readonly parameters: number;
  /** As stored. */
  readonly bytes: number;
  /** The same, and the number of tensors, by type. */
  readonly dtypes: Readonly<
    Record<string, { readonly tensors: number; readonly parameters: number; readonly bytes: number }>
  >;
}

/** How a checkpoint is to be taken. */
export interface SourceRequest {
  readonly codebooks?: number | undefined;
  readonly transformersCompat?: boolean | undefined;
}

export function checkSourceRequest(request: { codebooks?: unknown; transformersCompat?: unknown }): void {
  checkInteger("codebooks", request.codebooks, 1, MAX_CODEBOOKS);
  checkBoolean("transformersCompat", request.transformersCompat);
}

/** In the terms of the contract, which knows no undefined. */
export function toSourceOptions({ codebooks, transformersCompat }: SourceRequest): SourceOptions {
  return {
    ...(codebooks === undefined ? {} : { codebooks }),
    ...(transformersCompat === undefined ? {} : { transformersCompat }),
  };
}

/** A folder, or a file of weights. */
export async function describePath(path: string, request: SourceRequest = {}): Promise<ModelDescription> {
  const { backend } = await openBackend();
  const text = await backend.describeModel(path, toSourceOptions(request));
  try {
    return JSON.parse(text) as ModelDescription;
  } catch (cause) {
    throw new SttError("ERR_INTERNAL", `${path}: the core's description is no JSON`, {
      remedy: "Please report this.",
      cause,
    });
  }
}

/** True for the config.json of Kyutai's own repositories, whose keys all differ. */
function isOriginalConfig(text: string): boolean {
  try {
    const value = JSON.parse(text) as unknown;
    return (
      typeof value === "object" &&
      value !== null &&
      ("card" in value || "n_q" in value) &&
      !("codebook_vocab_size" in value)
    );
  } catch {
    return false; // whoever reads the file says what is wrong with it
  }
}

/** The description of a checkpoint in another layout; undefined for transformers'. `configText`: of its config.json. */
export async function describeForeign(
  path: string,
  configText: string | undefined,
): Promise<ModelDescription | undefined> {
  const isForeign = configText === undefined ? path.endsWith(".gguf") : isOriginalConfig(configText);
  return isForeign ? describePath(path) : undefined;
}

/** What stands for a file of the transformers layout; null: the checkpoint has none. */
export function documentOf(description: ModelDescription, name: string): Readonly<Record<string, unknown>> | null {
  switch (name) {
    case "config.json":
      return description.config;
    case "generation_config.json":
      return description.generation_config;
    case "preprocessor_config.json":
      return description.preprocessor_config;
    default:
      return null;
  }
}
