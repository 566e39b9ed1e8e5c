/** Codes between tensors and the core, and lengths of the codec's time line. */
import { Tensor } from "../tensor/tensor.js";
import { DOWNSAMPLE_STRIDE, type MimiConfig } from "./mimi-config.js";
import { invalidArgument, show } from "./option-checks.js";

export interface CodeInput {
  /** [rows][quantizers][frames]. */
  readonly values: Int32Array;
  readonly rows: number;
  readonly quantizers: number;
  readonly frames: number;
}

/** Codes of all codebooks to a tensor of the first `quantizers`. */
export function codesToTensor(codes: readonly (readonly Int32Array[])[], quantizers: number): Tensor<"int64"> {
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

/** Checks `audio_codes`: whole numbers [batch, quantizers, frames], each an entry of its codebook. */
export function readCodes(input: unknown, config: MimiConfig): CodeInput {
  if (!Tensor.isLike(input) || !["int64", "int32"].includes(input.type)) {
    const found = Tensor.isLike(input) ? `a ${input.type} tensor` : show(input);
    throw invalidArgument(
      `audio_codes must be an int64 or int32 Tensor [batch, quantizers, frames], not ${found}`,
      "Pass what encode() returns.",
    );
  }
  const [rows = 0, quantizers = 0, frames = 0] = input.dims;
  if (input.dims.length !== 3 || rows < 1 || quantizers < 1 || frames < 1) {
    throw invalidArgument(
      `audio_codes must have shape [batch, quantizers, frames], not [${input.dims.join(", ")}]`,
      "Pass what encode() returns.",
    );
  }
  if (quantizers > config.num_quantizers) {
    throw invalidArgument(
      `audio_codes has ${quantizers} codebooks, but the codec has ${config.num_quantizers}`,
      "Pass the codes of the first codebooks only.",
    );
  }
  const values = Int32Array.from(input.data as Iterable<number | bigint>, Number);
  const wrong = values.findIndex((code) => code < 0 || code >= config.codebook_size);
  if (wrong >= 0) {
    throw invalidArgument(
      `audio_codes has ${values[wrong]} at [${Math.floor(wrong / frames / quantizers)}, ` +
        `${Math.floor(wrong / frames) % quantizers}, ${wrong % frames}]; codes are 0 to ${config.codebook_size - 1}`,
      "Pass what encode() returns; the codes that start or pad the text decoder's input stand for no sound.",
    );
  }
  return { values, rows, quantizers, frames };
}

/** Frames that encode() makes of this many samples: every strided convolution rounds up. */
export function encodedLength(config: MimiConfig, samples: number): number {
  const columns = config.upsampling_ratios.reduceRight((length, ratio) => Math.ceil(length / ratio), samples);
  return Math.ceil(columns / DOWNSAMPLE_STRIDE);
}
