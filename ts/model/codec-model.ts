import { Tensor } from "../tensor/tensor.js";
import type { EngineRunner } from "./engine-runner.js";
import type { MimiConfig } from "./mimi-config.js";
import { readModelInput } from "./model-input.js";
import { checkFunction, checkInteger, checkOptions, checkSignal, invalidArgument } from "./option-checks.js";

export interface EncodeOptions {
  /** How many of the codebooks to return; default all. */
  num_quantizers?: number | null | undefined;
  /** Accepted and not used: it changes no code of the reference. */
  padding_mask?: Tensor | undefined;
  signal?: AbortSignal | undefined;
  /** Frames done and in total. */
  onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
}

const OPTIONS: readonly (keyof EncodeOptions)[] = ["num_quantizers", "padding_mask", "signal", "onProgress"];

/** The Mimi encoder of a loaded model. */
export class CodecModel {
  readonly config: MimiConfig;
  readonly #runner: EngineRunner;

  constructor(config: MimiConfig, runner: EngineRunner) {
    this.config = config;
    this.#runner = runner;
  }

  /**
   * Audio [batch, 1, samples] at the model's rate to codes [batch, quantizers, frames]; a last partial frame counts as
   * a frame.
   */
  async encode(
    input_values: Tensor<"float32">,
    options: EncodeOptions = {},
  ): Promise<{ readonly audio_codes: Tensor<"int64"> }> {
    checkOptions("encode", options, OPTIONS);
    const { signal, onProgress } = options;
    checkSignal(signal);
    checkFunction("onProgress", onProgress);
    this.#runner.checkUsable(signal);
    const quantizers = this.#quantizers(options.num_quantizers ?? undefined);
    const input = readModelInput(input_values);
    const codes = await this.#runner.run(
      (engine) => engine.createEncoding(input.values, input.rows, input.samples),
      (encoding) => encoding.codes(),
      { signal, onProgress },
    );
    return { audio_codes: toTensor(codes, quantizers) };
  }

  #quantizers(requested: number | undefined): number {
    const { num_quantizers: all, num_semantic_quantizers: semantic } = this.config;
    const quantizers = requested ?? all;
    checkInteger("num_quantizers", quantizers, 0, Number.MAX_SAFE_INTEGER);
    if (quantizers > all) {
      throw invalidArgument(
        `The number of quantizers (i.e codebooks) asked should be lower than the total number of quantizers ${all}, ` +
          `but is ${quantizers}`,
      );
    }
    if (quantizers < semantic) {
      throw invalidArgument(
        `The number of quantizers (i.e codebooks) asked should be higher than the number of semantic quantizers ` +
          `${semantic}, but is ${quantizers}`,
      );
    }
    return quantizers;
  }
}

function toTensor(codes: readonly (readonly Int32Array[])[], quantizers: number): Tensor<"int64"> {
  const frames = codes[0]?.[0]?.length ?? 0;
  const data = new BigInt64Array(codes.length * quantizers * frames);
  let offset = 0;
  for (const row of codes) {
    for (const codebook of row.slice(0, quantizers)) {
      data.set(Array.from(codebook, BigInt), offset);
      offset += frames;
    }
  }
  return new Tensor("int64", data, [codes.length, quantizers, frames]);
}
