/** One forward pass: checked arguments to the core, its results to tensors. */
import type { ForwardHandle, ForwardInputs, ForwardResult } from "../contract/forward.js";
import { Tensor } from "../tensor/tensor.js";
import { DynamicCache } from "./dynamic-cache.js";
import type { EngineRunner } from "./engine-runner.js";
import { readForwardInputs, rowsOf } from "./forward-inputs.js";
import type { AnyForwardOptions } from "./forward-options.js";
import type { KyutaiSpeechToTextConfig } from "./kyutai-speech-to-text-config.js";
import { checkBoolean, checkFunction, checkOptions, checkSignal } from "./option-checks.js";

const COMMON = [
  "input_ids",
  "attention_mask",
  "position_ids",
  "past_key_values",
  "inputs_embeds",
  "use_cache",
  "output_attentions",
  "output_hidden_states",
  "cache_position",
  "return_dict",
  "signal",
  "onProgress",
] as const;
const HEAD = ["labels", "shift_labels", "num_items_in_batch", "ignore_index", "logits_to_keep"] as const;

export interface ForwardOutputs {
  readonly loss: Tensor<"float32"> | undefined;
  readonly logits: Tensor<"float32"> | undefined;
  readonly last: Tensor<"float32"> | undefined;
  readonly cache: DynamicCache | undefined;
  readonly hiddenStates: readonly Tensor<"float32">[] | undefined;
  readonly attentions: readonly Tensor<"float32">[] | undefined;
  readonly returnDict: boolean;
}

/** `head`: logits and loss; else the last hidden state. */
export async function runForward(
  runner: EngineRunner,
  config: KyutaiSpeechToTextConfig,
  options: AnyForwardOptions,
  head: boolean,
): Promise<ForwardOutputs> {
  checkOptions("forward", options, head ? [...COMMON, ...HEAD] : COMMON);
  const { signal, onProgress } = options;
  checkSignal(signal);
  checkFunction("onProgress", onProgress);
  const flags = readFlags(options, config);
  runner.checkUsable(signal);
  const { cache, hasPast } = cacheFor(options, config, flags.use_cache);
  const { info } = runner.engine;
  const inputs: ForwardInputs = {
    ...readForwardInputs(
      options,
      {
        codebooks: info.numCodebooks,
        hiddenSize: info.hiddenSize,
        heads: config.num_attention_heads,
        seen: cache?.get_seq_length() ?? 0,
        stored: cache?.stored_length ?? 0,
        hasPast,
      },
      head,
    ),
    hiddenStates: flags.output_hidden_states,
    attentions: flags.output_attentions,
  };
  const handle = await cache?.open(runner, rowsOf(options));
  const outputs = await runner.run(
    (engine) => engine.createForward(inputs, handle),
    (forward) => readOutputs(forward, inputs, info.numLayers, config.num_attention_heads, head),
    { signal, onProgress },
  );
  await cache?.refresh();
  return { ...outputs, cache, returnDict: flags.return_dict };
}

interface Flags {
  readonly use_cache: boolean;
  readonly output_attentions: boolean;
  readonly output_hidden_states: boolean;
  readonly return_dict: boolean;
}

function readFlags(options: AnyForwardOptions, config: KyutaiSpeechToTextConfig): Flags {
  const defaults = config as unknown as Record<string, unknown>;
  const read = (name: keyof Flags, otherwise: boolean): boolean => {
    const value = options[name] ?? undefined;
    checkBoolean(name, value);
    const configured = defaults[name];
    return value ?? (typeof configured === "boolean" ? configured : otherwise);
  };
  return {
    use_cache: read("use_cache", true),
    output_attentions: read("output_attentions", false),
    output_hidden_states: read("output_hidden_states", false),
    return_dict: read("return_dict", true),
  };
}

function cacheFor(
  { past_key_values: past }: AnyForwardOptions,
  config: KyutaiSpeechToTextConfig,
  useCache: boolean,
): { cache: DynamicCache | undefined; hasPast: boolean } {
  if (past === undefined || past === null) {
    return { cache: useCache ? new DynamicCache({ config }) : undefined, hasPast: false };
  }
  const cache = past instanceof DynamicCache ? past : DynamicCache.from_legacy_cache(past, { config });
  return { cache, hasPast: true };
}

async function readOutputs(
  forward: ForwardHandle,
  inputs: ForwardInputs,
  layers: number,
  heads: number,
  head: boolean,
): Promise<Omit<ForwardOutputs, "cache" | "returnDict">> {
  const { rows, length } = inputs;
  const kept = inputs.keep?.length ?? length;
  const toTensor = (data: Float32Array, outer: readonly number[]): Tensor<"float32"> => {
    const count = outer.reduce((product, dim) => product * dim, 1);
    return new Tensor("float32", data, [...outer, count === 0 ? 0 : data.length / count]);
  };
  const read = async (result: ForwardResult, index: number, outer: readonly number[]): Promise<Tensor<"float32">> =>
    toTensor(await forward.read(result, index), outer);
  const all = async (result: ForwardResult, count: number, outer: readonly number[]): Promise<Tensor<"float32">[]> => {
    const tensors: Tensor<"float32">[] = [];
    for (let index = 0; index < count; index++) {
      tensors.push(await read(result, index, outer));
    }
    return tensors;
  };
  const logits = inputs.logits ? await read("logits", 0, [rows, kept]) : toTensor(new Float32Array(), [rows, kept]);
  const hiddenStates = inputs.hiddenStates ? await all("hiddenState", layers + 1, [rows, length]) : undefined;
  return {
    loss: inputs.labels === undefined ? undefined : new Tensor("float32", Float32Array.of(await forward.loss()), []),
    logits: head ? logits : undefined,
    last: head ? undefined : (hiddenStates?.at(-1) ?? (await read("hiddenState", layers, [rows, length]))),
    hiddenStates,
    attentions: inputs.attentions ? await all("attention", layers, [rows, heads, length]) : undefined,
  };
}
