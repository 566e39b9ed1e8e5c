/** What every model class does to load: the checkpoint is found, its configuration read, an engine made. */
import type { EngineHandle } from "../contract/backend.js";
import { type BackendReport, checkEngineOptions, loadEngine } from "./engine-loader.js";
import type { SourceRequest } from "./foreign-layout.js";
import type { GenerationConfig } from "./generation-config.js";
import type { KyutaiSpeechToTextConfig } from "./kyutai-speech-to-text-config.js";
import { loadConfigs } from "./load-configs.js";
import { findModelPath, type ModelLocation, type ModelSource } from "./model-folder.js";
import { checkOptions, invalidArgument, show } from "./option-checks.js";
import { hubOptions, PRETRAINED_OPTIONS, type PretrainedOptions, percent } from "./pretrained-options.js";
import type { BackendPreference } from "./runtime.js";

/** Options of from_pretrained() of a model. */
export interface PretrainedModelOptions extends PretrainedOptions {
  /** Default "auto": the best one that works here. */
  backend?: BackendPreference | undefined;
  /** Another name of `backend`, as in transformers.js. */
  device?: BackendPreference | undefined;
  /** Weights always keep their own type. */
  dtype?: "auto" | undefined;
  /** Default: chosen by the core. */
  threads?: number | undefined;
  /** Audio streams to read, as unmute does with 20 of 32. Default: all. */
  num_codebooks?: number | undefined;
  /** Take a checkpoint in Kyutai's own layout as transformers' conversion would make it (docs/layouts.md). */
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
  "dtype",
  "threads",
  "num_codebooks",
  "transformers_compat",
];

export async function loadModel(location: ModelLocation, options: PretrainedModelOptions): Promise<LoadedModel> {
  checkOptions("from_pretrained", options, OPTIONS);
  const { threads, signal, progress_callback: callback } = options;
  const backend = options.backend ?? options.device;
  const request = { codebooks: options.num_codebooks, transformersCompat: options.transformers_compat };
  checkEngineOptions({ backend, threads, signal, ...request });
  const forHub = hubOptions(options);
  if (options.dtype !== undefined && options.dtype !== "auto") {
    throw invalidArgument(
      `'dtype' must be "auto", not ${show(options.dtype)}: weights are used in the type they are stored in`,
      "Leave out dtype, or convert the checkpoint.",
    );
  }
  const source = await findModelPath(location, forHub);
  const { path: folder } = source;
  const { config, generationConfig } = await loadConfigs(folder, request);
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
    onProgress: (done, total) => report("progress", done, total),
  });
  const { weightBytes } = loaded.engine.info;
  report("ready", weightBytes, weightBytes);
  return { config, generationConfig, source, request, engine: loaded.engine, report: loaded.report };
}
