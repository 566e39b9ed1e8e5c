/** Options of every from_pretrained, with the names of transformers.js, and what they mean for the Hub. */
import type { DownloadProgress, HubOptions } from "../hub/types.js";
import { warn } from "./logger.js";
import {
  checkBoolean,
  checkFunction,
  checkOptions,
  checkSignal,
  checkText,
  invalidArgument,
  show,
} from "./option-checks.js";

/** Events of transformers.js: those of the files of a download, those of the download, and those of loading. */
export type ProgressInfo =
  | { readonly status: "initiate" | "download" | "done"; readonly name: string; readonly file: string }
  | {
      readonly status: "progress";
      /** The repository; while weights are loaded, where they are. */
      readonly name: string;
      /** Absent while weights are loaded. */
      readonly file?: string;
      /** Percent. */
      readonly progress: number;
      /** Bytes. */
      readonly loaded: number;
      readonly total: number;
    }
  | {
      readonly status: "progress_total";
      readonly name: string;
      readonly progress: number;
      readonly loaded: number;
      readonly total: number;
      /** Bytes per second. */
      readonly rate: number;
      /** Seconds; undefined while that cannot be said. */
      readonly eta: number | undefined;
    }
  | {
      readonly status: "ready";
      readonly name: string;
      readonly progress: number;
      readonly loaded: number;
      readonly total: number;
    };

/** Where a model comes from, with the names of transformers.js. */
export interface PretrainedOptions {
  /** Branch, tag or commit of a model on the Hub. Default: "main". */
  revision?: string | undefined;
  /** Folder of downloaded models. Default: that of huggingface_hub. */
  cache_dir?: string | undefined;
  /** Use what is in the cache, without asking the Hub. Default: false, or as HF_HUB_OFFLINE says. */
  local_files_only?: boolean | undefined;
  /** Of the Hub. Default: HF_TOKEN or the stored login; false: none. */
  token?: string | false | undefined;
  /** Events of transformers.js: files, downloads, loading. */
  progress_callback?: ((info: ProgressInfo) => void) | undefined;
  /** Aborting rejects with ERR_ABORTED. */
  signal?: AbortSignal | undefined;
}

export const PRETRAINED_OPTIONS: readonly (keyof PretrainedOptions)[] = [
  "revision",
  "cache_dir",
  "local_files_only",
  "token",
  "progress_callback",
  "signal",
];

const WEIGHT_FILES = "weights come from safetensors or GGUF files";
const ADAPTERS = "merge the adapter into the weights first";
const ONE_DEVICE = "a model is on one device";

/** What transformers and transformers.js take as well: values that mean the same as leaving them out, and why not others. */
const REFUSED: Readonly<Record<string, { neutral: readonly unknown[]; reason: string }>> = {
  subfolder: { neutral: [""], reason: "a model is a whole folder; pass the path of that folder" },
  variant: { neutral: [], reason: "pass the folder or the repository that holds the files you want" },
  config: { neutral: [], reason: "the configuration is that of the weights" },
  state_dict: { neutral: [], reason: "weights come from files" },
  quantization_config: { neutral: [], reason: "write a quantized file with convertModel" },
  output_loading_info: { neutral: [false], reason: "a checkpoint that is not complete does not load" },
  ignore_mismatched_sizes: { neutral: [false], reason: "a checkpoint that is not complete does not load" },
  force_download: { neutral: [false], reason: "remove the model with removeCachedModel, then load it" },
  proxies: { neutral: [], reason: "downloads go through fetch; set its dispatcher" },
  session_options: { neutral: [], reason: "there is no ONNX session here" },
  model_file_name: { neutral: [], reason: "pass the path of the file" },
  use_external_data_format: { neutral: [false], reason: "there is no ONNX file here" },
  gguf_file: { neutral: [], reason: "pass the path of the file, or hf://owner/name/file.gguf" },
  from_tf: { neutral: [false], reason: WEIGHT_FILES },
  from_flax: { neutral: [false], reason: WEIGHT_FILES },
  key_mapping: { neutral: [], reason: "tensors have the names of their layout" },
  fusion_config: { neutral: [], reason: "tensors have the names of their layout" },
  adapter_name: { neutral: ["default"], reason: ADAPTERS },
  adapter_kwargs: { neutral: [], reason: ADAPTERS },
  tp_plan: { neutral: [], reason: ONE_DEVICE },
  tp_size: { neutral: [1], reason: ONE_DEVICE },
  device_mesh: { neutral: [], reason: ONE_DEVICE },
  distributed_config: { neutral: [], reason: ONE_DEVICE },
  tqdm_class: { neutral: [], reason: "pass progress_callback" },
  use_auth_token: { neutral: [], reason: "pass token" },
};

/** Of transformers: how it computes and reads, which changes no result here. */
const WITHOUT_EFFECT = [
  "attn_implementation",
  "low_cpu_mem_usage",
  "trust_remote_code",
  "use_safetensors",
  "weights_only",
  "use_fast",
  "max_memory",
  "offload_folder",
  "offload_buffers",
  "offload_state_dict",
  "disable_mmap",
  "experts_implementation",
  "use_kernels",
  "kernel_config",
  "allow_all_kernels",
  "resume_download",
  "mirror",
  "_fast_init",
];

/** Refuses unknown options by name, those of transformers with the reason, and warns of what has no effect. */
export function checkPretrainedOptions(options: object, known: readonly string[]): void {
  checkOptions("from_pretrained", options, [...known, ...Object.keys(REFUSED), ...WITHOUT_EFFECT]);
  for (const [name, value] of Object.entries(options ?? {})) {
    const refused = REFUSED[name];
    const isUnset = value === undefined || value === null;
    if (refused !== undefined && !isUnset && !refused.neutral.includes(value)) {
      throw invalidArgument(
        `from_pretrained does not support '${name}' = ${show(value)}: ${refused.reason}`,
        `Leave out '${name}'.`,
      );
    }
    if (WITHOUT_EFFECT.includes(name) && !isUnset) {
      warn(`from_pretrained: \`${name}\` has no effect here.`);
    }
  }
}

/** Checked options, for a class that needs no weights. */
export function smallFileOptions(options: PretrainedOptions): HubOptions {
  checkPretrainedOptions(options, PRETRAINED_OPTIONS);
  return { ...hubOptions(options), weights: false };
}

/** Checks the values; unknown keys are the caller's to refuse. */
export function hubOptions(options: PretrainedOptions): HubOptions {
  const { progress_callback: callback, signal } = options;
  checkFunction("progress_callback", callback);
  checkSignal(signal);
  checkText("revision", options.revision);
  checkText("cache_dir", options.cache_dir);
  if (options.token !== false) {
    checkText("token", options.token);
  }
  checkBoolean("local_files_only", options.local_files_only);
  return {
    revision: options.revision,
    cache_dir: options.cache_dir,
    local_files_only: options.local_files_only,
    token: options.token,
    signal,
    onProgress: callback === undefined ? undefined : (progress) => report(progress, callback),
  };
}

function report(progress: DownloadProgress, callback: (info: ProgressInfo) => void): void {
  const { status, model: name, file, loaded, total, overall } = progress;
  if (status !== "progress") {
    callback({ status, name, file });
    return;
  }
  callback({ status, name, file, progress: percent(loaded, total), loaded, total });
  callback({ status: "progress_total", name, progress: percent(overall.loaded, overall.total), ...overall });
}

export function percent(part: number, whole: number): number {
  return whole > 0 ? (100 * part) / whole : 100;
}
