/** What every model class does to load: the checkpoint is found, its configuration read, an engine made. */
import type { EngineHandle } from "../contract/backend.js";
import type { SttError } from "../contract/errors.js";
import { type BackendReport, checkEngineOptions, loadEngine } from "./engine-loader.js";
import type { SourceRequest } from "./foreign-layout.js";
import { GenerationConfig } from "./generation-config.js";
import type { KyutaiSpeechToTextConfig } from "./kyutai-speech-to-text-config.js";
import { loadConfigs } from "./load-configs.js";
import { findModelPath, isObject, type ModelLocation, type ModelSource } from "./model-folder.js";
import { invalidArgument, show } from "./option-checks.js";
import {
  checkPretrainedOptions,
  hubOptions,
  PRETRAINED_OPTIONS,
  type PretrainedOptions,
  percent,
} from "./pretrained-options.js";
import type { BackendPreference } from "./runtime.js";

/** Options of from_pretrained() of a model. */
export interface PretrainedModelOptions extends PretrainedOptions {
  /** Default "auto": the best one that works here. */
  backend?: BackendPreference | undefined;
  /** Another name of `backend`, as in transformers.js. */
  device?: BackendPreference | undefined;
  /** Another name of `backend`, as in transformers. */
  device_map?: BackendPreference | undefined;
  /** Weights keep their own type: "auto", or its name, which is checked ("float32", "bfloat16", "float16", "fp32", ...). */
  dtype?: string | undefined;
  /** The old name of `dtype`. */
  torch_dtype?: string | undefined;
  /** Takes the place of that of the checkpoint. */
  generation_config?: GenerationConfig | Readonly<Record<string, unknown>> | undefined;
  /** Default: chosen by the core. */
  threads?: number | undefined;
  /** Audio streams to read, as unmute does with 20 of 32. Default: all. */
  num_codebooks?: number | undefined;
  /**
   * Default: as its files say, which for `kyutai/stt-1b-en_fr-trfs` is a window of 375 steps. true: take a checkpoint in
   * Kyutai's own layout as transformers' conversion would make it. false: give that 1b the 750 steps it was trained with
   * (docs/layouts.md).
   */
  transformers_compat?: boolean | undefined;
}

export interface LoadedModel {
  readonly config: KyutaiSpeechToTextConfig;
  readonly generationConfig: GenerationConfig;
  readonly source: ModelSource;
  readonly request: SourceRequest;
  readonly engine: EngineHandle;
  readonly report: BackendReport;
}

const OPTIONS: readonly (keyof PretrainedModelOptions)[] = [
  ...PRETRAINED_OPTIONS,
  "backend",
  "device",
  "device_map",
  "dtype",
  "torch_dtype",
  "generation_config",
  "threads",
  "num_codebooks",
  "transformers_compat",
];

export async function loadModel(location: ModelLocation, options: PretrainedModelOptions): Promise<LoadedModel> {
  checkPretrainedOptions(options, OPTIONS);
  const { threads, signal, progress_callback: callback } = options;
  const backend = options.backend ?? options.device ?? options.device_map;
  const request = { codebooks: options.num_codebooks, transformersCompat: options.transformers_compat };
  checkEngineOptions({ backend, threads, signal, ...request });
  const forHub = hubOptions(options);
  const dtype = readDtype(options);
  const given = readGenerationConfig(options.generation_config);
  const source = await findModelPath(location, forHub);
  const { path: folder } = source;
  const { config, generationConfig } = await loadConfigs(folder, request, given);
  const name = source.kind === "hub" ? source.repository : folder;
  const report = (status: "progress" | "ready", loaded: number, total: number): void =>
    callback?.({ status, name, progress: percent(loaded, total), loaded, total });
  const loaded = await loadEngine({
    folder,
    backend,
    threads,
    signal,
    slots: 1,
    ...request,
    checkInfo: (info) => checkDtype(dtype, info.weightType),
    onProgress: (done, total) => report("progress", done, total),
  });
  const { weightBytes } = loaded.engine.info;
  report("ready", weightBytes, weightBytes);
  return { config, generationConfig, source, request, engine: loaded.engine, report: loaded.report };
}

/** Names of the types that weights are stored in. */
const DTYPES: Readonly<Record<string, string>> = {
  float32: "f32",
  fp32: "f32",
  bfloat16: "bf16",
  bf16: "bf16",
  float16: "f16",
  fp16: "f16",
};

interface WantedDtype {
  /** As the caller wrote it. */
  readonly name: string;
  /** As the core names it. */
  readonly type: string;
}

/** undefined: whatever is stored. Errors: ERR_INVALID_ARGUMENT. */
export function readDtype({
  dtype = "auto",
  torch_dtype: old,
}: Pick<PretrainedModelOptions, "dtype" | "torch_dtype">): WantedDtype | undefined {
  const name: unknown = old === undefined || dtype !== "auto" ? dtype : old;
  if (name === "auto") {
    return undefined;
  }
  const type = typeof name === "string" ? DTYPES[name.replace(/^torch\./, "")] : undefined;
  if (type === undefined) {
    throw wrongDtype(show(name), `it is "auto" or one of ${Object.keys(DTYPES).join(", ")}`);
  }
  return { name: String(name), type };
}

/** Errors: ERR_INVALID_ARGUMENT. `stored`: the type of most weights, as the core names it. */
export function checkDtype(wanted: WantedDtype | undefined, stored: string): void {
  if (wanted !== undefined && wanted.type !== stored) {
    throw wrongDtype(show(wanted.name), `most weights of this checkpoint are ${stored}`);
  }
}

function wrongDtype(found: string, reason: string): SttError {
  return invalidArgument(
    `'dtype' must be "auto", not ${found}: weights are used in the type they are stored in, and ${reason}`,
    "Leave out dtype, or write the checkpoint in another type with convertModel.",
  );
}

function readGenerationConfig(given: unknown): GenerationConfig | undefined {
  if (given === undefined || given === null || given instanceof GenerationConfig) {
    return given ?? undefined;
  }
  if (!isObject(given)) {
    throw invalidArgument(`'generation_config' must be a GenerationConfig or an object, not ${show(given)}`);
  }
  return new GenerationConfig(given);
}
