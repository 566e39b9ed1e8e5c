import { Tensor, type TensorLike } from "../tensor/tensor.js";
import { Callable } from "./callable.js";
import type { EngineRunner } from "./engine-runner.js";
import { CodecStream, type MimiConv1dPaddingCache, type MimiKeyValueCache, streamOfCaches } from "./mimi-caches.js";
import { codesToTensor, encodedLength, readCodes } from "./mimi-codes.js";
import type { MimiConfig } from "./mimi-config.js";
import {
  type AsTuple,
  type DecodeCodesOptions,
  type EncodeOptions,
  FORWARD_OPTIONS,
  type MimiForwardInputs,
  readDecodeOptions,
  readEncodeOptions,
} from "./mimi-options.js";
import type {
  MimiDecoderOutput,
  MimiDecoderTuple,
  MimiEncoderOutput,
  MimiEncoderTuple,
  MimiOutput,
  MimiTuple,
} from "./mimi-outputs.js";
import { type ModelInput, readModelInput } from "./model-input.js";
import { checkInteger, checkOptions, invalidArgument } from "./option-checks.js";

/**
 * The Mimi codec of a loaded model (transformers' `MimiModel`): audio to codes and back. Always computed in f32.
 * Call it: `await model.codec_model({ input_values })` encodes and decodes.
 *
 * A checkpoint may hold the encoder only; decode() and forward() then reject with ERR_MODEL_UNSUPPORTED.
 */
export class MimiModel extends Callable<[inputs: MimiForwardInputs], Promise<MimiOutput>> {
  /** The codec's configuration. */
  readonly config: MimiConfig;
  readonly #runner: EngineRunner;

  /** "float32", whatever the decoder's weights are. */
  readonly dtype = "float32";

  /** @internal */
  constructor(config: MimiConfig, runner: EngineRunner) {
    super();
    this.config = config;
    this.#runner = runner;
  }

  /**
   * Audio to codes: float32 [batch, 1, samples] at `config.sampling_rate` to int64 [batch, quantizers, frames]. A last
   * partial frame counts as a frame; pieces of a stream (`use_streaming`, or with a cache) must be whole frames of
   * `config.frame_size` samples, and give the same codes as the whole.
   *
   * Rejects with ERR_INVALID_ARGUMENT, ERR_INVALID_AUDIO, ERR_INVALID_STATE (a cache that was given up), ERR_ABORTED,
   * ERR_OUT_OF_MEMORY, ERR_DISPOSED.
   */
  encode(input_values: TensorLike<"float32">, options?: EncodeOptions): Promise<MimiEncoderOutput>;
  /** With `return_dict: false`: the values of the object, in its order. */
  encode(input_values: TensorLike<"float32">, options: AsTuple<EncodeOptions>): Promise<MimiEncoderTuple>;
  async encode(
    input_values: TensorLike<"float32">,
    options: EncodeOptions | AsTuple<EncodeOptions> = {},
  ): Promise<MimiEncoderOutput | MimiEncoderTuple> {
    const { attention, convolutions, streams, run } = readEncodeOptions(options, this.config);
    this.#runner.checkUsable(run.signal);
    const quantizers = this.#quantizers(options.num_quantizers ?? undefined);
    const input = readModelInput(input_values);
    const given = streamOfCaches({ attention, convolutions }, "encoder", "encoder_past_key_values");
    const stream = given ?? (streams ? await this.#newStream("encoder", input.rows) : undefined);
    this.#checkPiece(stream, input);
    const codes = await this.#runner.run(
      (engine) => {
        // As in transformers, a cache that was not handed on begins anew.
        restartMissing(given, attention, convolutions);
        return engine.createEncoding(input.values, input.rows, input.samples, stream?.handle);
      },
      (encoding) => encoding.codes(),
      run,
    );
    const output: MimiEncoderOutput = {
      audio_codes: codesToTensor(codes, quantizers),
      encoder_past_key_values: returned(streams, attention, stream?.attention),
      padding_cache: returned(streams, convolutions, stream?.convolutions),
    };
    return this.#asTuple(options) ? [output.audio_codes, output.encoder_past_key_values, output.padding_cache] : output;
  }

  /**
   * Codes to audio: int64 or int32 [batch, quantizers, frames] of the first codebooks (at least one) to float32
   * [batch, 1, frames * frame_size].
   *
   * With `decoder_past_key_values` alone the transformer goes on and the convolutions begin anew, as in transformers;
   * with the `padding_cache` of a call with `use_streaming`, too, the pieces give the same samples as the whole.
   *
   * Rejects as encode() does, and with ERR_MODEL_UNSUPPORTED where the checkpoint has the encoder only.
   */
  decode(audio_codes: TensorLike<"int64" | "int32">, options?: DecodeCodesOptions): Promise<MimiDecoderOutput>;
  /** With `return_dict: false`: audio and key-value cache. */
  decode(audio_codes: TensorLike<"int64" | "int32">, options: AsTuple<DecodeCodesOptions>): Promise<MimiDecoderTuple>;
  async decode(
    audio_codes: TensorLike<"int64" | "int32">,
    options: DecodeCodesOptions | AsTuple<DecodeCodesOptions> = {},
  ): Promise<MimiDecoderOutput | MimiDecoderTuple> {
    const { attention, convolutions, streams, keepsKeys, limit, run } = readDecodeOptions(options, this.config);
    this.#runner.checkUsable(run.signal);
    const codes = readCodes(audio_codes, this.config);
    const given = streamOfCaches({ attention, convolutions }, "decoder", "decoder_past_key_values");
    const stream = given ?? (streams || keepsKeys ? await this.#newStream("decoder", codes.rows) : undefined);
    checkRows(stream, codes.rows);
    const audio = await this.#runner.run(
      (engine) => {
        restartMissing(given, attention, convolutions);
        return engine.createDecoding(codes.values, codes.rows, codes.quantizers, codes.frames, stream?.handle);
      },
      (decoding) => decoding.audio(),
      run,
    );
    const whole = new Tensor("float32", audio, [codes.rows, 1, audio.length / codes.rows]);
    const output: MimiDecoderOutput = {
      audio_values: limit === undefined ? whole : whole.slice(null, null, [0, limit]),
      decoder_past_key_values: returned(streams || keepsKeys, attention, stream?.attention),
      padding_cache: returned(streams, convolutions, stream?.convolutions),
    };
    return this.#asTuple(options) ? [output.audio_values, output.decoder_past_key_values] : output;
  }

  /**
   * encode(), unless `audio_codes` are given, then decode(); the audio is cut to the length of the mask or the input.
   * Unlike transformers 5.18, whose output then lacks them, the result holds the caches that were passed in. Rejects as
   * encode() and decode() do.
   */
  forward(inputs: MimiForwardInputs): Promise<MimiOutput>;
  /** With `return_dict: false`: the values of the object, in its order. */
  forward(inputs: AsTuple<MimiForwardInputs>): Promise<MimiTuple>;
  async forward(inputs: MimiForwardInputs | AsTuple<MimiForwardInputs>): Promise<MimiOutput | MimiTuple> {
    checkOptions("forward", inputs, FORWARD_OPTIONS);
    const { input_values, audio_codes, num_quantizers, signal } = inputs;
    const padding_mask = inputs.padding_mask ?? input_values;
    if (input_values === undefined && audio_codes === undefined) {
      throw invalidArgument("forward() needs input_values or audio_codes", "Pass what the processor returns.");
    }
    const encoded =
      audio_codes === undefined && input_values !== undefined
        ? await this.encode(input_values, {
            num_quantizers,
            encoder_past_key_values: inputs.encoder_past_key_values,
            signal,
            return_dict: true,
          })
        : undefined;
    const codes = encoded?.audio_codes ?? Tensor.from(audio_codes as TensorLike<"int64" | "int32">).to("int64");
    const decoded = await this.decode(codes, {
      padding_mask,
      decoder_past_key_values: inputs.decoder_past_key_values,
      signal,
      return_dict: true,
    });
    const output: MimiOutput = {
      audio_codes: codes,
      audio_values: decoded.audio_values,
      encoder_past_key_values: encoded?.encoder_past_key_values ?? inputs.encoder_past_key_values ?? null,
      decoder_past_key_values: decoded.decoder_past_key_values,
    };
    return this.#asTuple(inputs)
      ? [output.audio_codes, output.audio_values, output.encoder_past_key_values, output.decoder_past_key_values]
      : output;
  }

  /** What calling the object does: forward(). */
  override _call(inputs: MimiForwardInputs): Promise<MimiOutput> {
    return this.forward(inputs);
  }

  /** Frames that encode() makes of this many samples. Throws ERR_INVALID_ARGUMENT. */
  get_encoded_length(samples: number): number {
    checkInteger("samples", samples, 0, Number.MAX_SAFE_INTEGER);
    return encodedLength(this.config, samples);
  }

  /**
   * Which codes come from a recording and not from its padding: a mask of samples [batch, samples] to a bool mask
   * [batch, frames of the longest row]; `padding_side`: where the padding is. Throws ERR_INVALID_ARGUMENT.
   */
  get_audio_codes_mask(padding_mask: TensorLike, padding_side: "right" | "left" = "right"): Tensor<"bool"> {
    const [rows = 0, samples = 0] = padding_mask.dims;
    if (padding_mask.dims.length !== 2) {
      throw invalidArgument(
        `padding_mask must have shape [batch, samples], not [${padding_mask.dims.join(", ")}]`,
        "Pass what the processor returns.",
      );
    }
    const lengths = Array.from({ length: rows }, (_, row) => {
      const values = Array.from(padding_mask.data.subarray(row * samples, (row + 1) * samples), Number);
      return encodedLength(
        this.config,
        values.reduce((sum, value) => sum + value, 0),
      );
    });
    const longest = Math.max(0, ...lengths);
    const mask = new Uint8Array(rows * longest);
    for (const [row, length] of lengths.entries()) {
      const start = row * longest + (padding_side === "right" ? 0 : longest - length);
      mask.fill(1, start, start + length);
    }
    return new Tensor("bool", mask, [rows, longest]);
  }

  #asTuple(options: { return_dict?: boolean | null | undefined }): boolean {
    return !(options.return_dict ?? this.config.return_dict);
  }

  async #newStream(half: "encoder" | "decoder", rows: number): Promise<CodecStream> {
    return new CodecStream(half, rows, await this.#runner.engine.createCodecStream(half, rows));
  }

  #checkPiece(stream: CodecStream | undefined, input: ModelInput): void {
    checkRows(stream, input.rows);
    const { frame_size: frame } = this.config;
    if (stream !== undefined && input.samples % frame !== 0) {
      throw invalidArgument(
        `a piece of a stream must be whole frames of ${frame} samples, not ${input.samples} samples`,
        "Keep the rest for the next piece, and pad the last one with zeros.",
      );
    }
  }

  #quantizers(requested: number | undefined): number {
    const { num_quantizers: all, num_semantic_quantizers: semantic } = this.config;
    const { numQuantizers: computed } = this.#runner.engine.info;
    const quantizers = requested ?? Math.min(all, computed);
    checkInteger("num_quantizers", quantizers, 0, Number.MAX_SAFE_INTEGER);
    if (quantizers > computed && quantizers <= all) {
      throw invalidArgument(
        `'num_quantizers' is ${quantizers}, but this model was loaded to compute ${computed} of its ${all} codebooks`,
        "Load it without num_codebooks, or with more.",
      );
    }
    if (quantizers > all) {
      throw invalidArgument(
        `The number of quantizers (i.e codebooks) asked should be lower than the total number of quantizers ${all}, ` +
          `but is currently ${quantizers}.`,
      );
    }
    if (quantizers < semantic) {
      throw invalidArgument(
        `The number of quantizers (i.e codebooks) asked should be higher than the number of semantic quantizers ` +
          `${semantic}, but is currently ${quantizers}.`,
      );
    }
    return quantizers;
  }
}

function checkRows(stream: CodecStream | undefined, rows: number): void {
  if (stream !== undefined && stream.rows !== rows) {
    throw invalidArgument(`the batch has ${rows} rows, but its caches have ${stream.rows}`, "Keep a batch together.");
  }
}

function restartMissing(
  stream: CodecStream | undefined,
  attention: MimiKeyValueCache | undefined,
  convolutions: MimiConv1dPaddingCache | undefined,
): void {
  if (stream !== undefined && attention === undefined) {
    stream.restartAttention();
  }
  if (stream !== undefined && convolutions === undefined) {
    stream.restartConvolutions();
  }
}

/** A cache comes back where the call made one or was given one. */
function returned<C>(makes: boolean, given: C | undefined, current: C | undefined): C | null {
  return makes || given !== undefined ? (current ?? null) : null;
}
