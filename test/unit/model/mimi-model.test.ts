import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { KyutaiSpeechToTextForConditionalGeneration } from "../../../ts/model/kyutai-speech-to-text-for-conditional-generation.js";
import type { MimiModel } from "../../../ts/model/mimi-model.js";
import type {
  MimiDecoderOutput,
  MimiDecoderTuple,
  MimiEncoderOutput,
  MimiEncoderTuple,
  MimiOutput,
} from "../../../ts/model/mimi-outputs.js";
import { Tensor } from "../../../ts/tensor/tensor.js";
import { expectCode } from "../../contract/subject.js";
import { type FakeBackend, FRAME, useFakeBackend } from "../support/fake-backend.js";
import { DIGITS_EN } from "../support/fixture.js";

const audio = (frames: number, rows = 1) =>
  new Tensor("float32", new Float32Array(rows * frames * FRAME), [rows, 1, frames * FRAME]);
const codes = (frames: number, rows = 1) =>
  new Tensor("int64", new BigInt64Array(rows * 3 * frames).fill(2n), [rows, 3, frames]);
// What TypeScript would not let through.
const wrong = (value: unknown) => value as never;

describe("MimiModel", () => {
  let backend: FakeBackend;
  let model: KyutaiSpeechToTextForConditionalGeneration;
  let codec: MimiModel;

  beforeEach(async () => {
    backend = useFakeBackend();
    model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(DIGITS_EN);
    codec = model.codec_model;
  });
  afterEach(() => model.dispose());

  it("returns caches where they are asked for, and the same objects again", async () => {
    expect(await codec.encode(audio(2))).toMatchObject({ encoder_past_key_values: null, padding_cache: null });
    const first = await codec.encode(audio(2, 3), { use_streaming: true });
    const { encoder_past_key_values, padding_cache } = first;
    expect(encoder_past_key_values).toMatchObject({ batch_size: 3 });
    expect(padding_cache).toMatchObject({ batch_size: 3 });
    expect(encoder_past_key_values?.get_seq_length()).toBe(4);
    const second = await codec.encode(audio(5, 3), { encoder_past_key_values, padding_cache });
    expect(second.encoder_past_key_values).toBe(encoder_past_key_values);
    expect(second.padding_cache).toBe(padding_cache);
    expect(encoder_past_key_values?.get_seq_length()).toBe(14);
  });

  it("follows the configuration's use_streaming and use_cache", async () => {
    codec.config.use_streaming = true;
    expect((await codec.encode(audio(1))).padding_cache).not.toBeNull();
    expect((await codec.encode(audio(1), { use_streaming: false })).padding_cache).toBeNull();
    expect((await codec.decode(codes(1))).decoder_past_key_values).toBeNull();
    codec.config.use_cache = true;
    const { decoder_past_key_values, padding_cache } = await codec.decode(codes(1));
    expect(decoder_past_key_values?.get_seq_length()).toBe(2);
    expect(padding_cache).toBeNull();
  });

  it("lets a cache that is not handed on begin anew", async () => {
    const first = await codec.encode(audio(2), { use_streaming: true });
    const second = await codec.encode(audio(3), { padding_cache: first.padding_cache, use_streaming: true });
    expect(second.encoder_past_key_values?.get_seq_length()).toBe(6);
    expect(second.padding_cache).toBe(first.padding_cache);
    expect(second.encoder_past_key_values).not.toBe(first.encoder_past_key_values);
    const third = await codec.encode(audio(1), { padding_cache: first.padding_cache });
    expect(third.encoder_past_key_values).toBeNull();
    const stale = codec.encode(audio(2), { encoder_past_key_values: first.encoder_past_key_values });
    await expectCode(stale, "ERR_INVALID_STATE");
    await expect(stale).rejects.toThrow("'encoder_past_key_values' was replaced");
    expect(first.encoder_past_key_values?.get_seq_length()).toBe(0);
  });

  it("decodes to audio of whole frames, cut to a mask", async () => {
    const { audio_values } = await codec.decode(codes(2, 2));
    expect(audio_values).toMatchObject({ type: "float32", dims: [2, 1, 2 * FRAME] });
    expect(audio_values.data.every((sample) => sample === 6 / 2 ** 15)).toBe(true);
    const padding_mask = new Tensor("int32", new Int32Array(7), [1, 7]);
    expect((await codec.decode(codes(2), { padding_mask })).audio_values.dims).toEqual([1, 1, 7]);
    const tuple = [{ dims: [1, 1, FRAME] }, null];
    expect(await codec.decode(codes(1), { return_dict: false })).toMatchObject(tuple);
    codec.config.return_dict = false;
    expect(await codec.decode(codes(1))).toMatchObject(tuple);
    expect(await codec.forward({ input_values: audio(1), return_dict: true })).toHaveProperty("audio_values");
  });

  it("has the codebooks that the model was loaded with", async () => {
    const options = { num_codebooks: 4 };
    await using few = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(DIGITS_EN, options);
    expect((await few.codec_model.encode(audio(2))).audio_codes.dims).toEqual([1, 4, 2]);
    expect((await few.codec_model.encode(audio(2), { num_quantizers: 3 })).audio_codes.dims).toEqual([1, 3, 2]);
    const attempt = few.codec_model.encode(audio(2), { num_quantizers: 5 });
    await expectCode(attempt, "ERR_INVALID_ARGUMENT");
    await expect(attempt).rejects.toThrow("loaded to compute 4 of its 8 codebooks");
  });

  it("forward takes audio or codes", async () => {
    const input_values = audio(2).slice(null, null, [0, FRAME + 5]);
    const both = await codec({ input_values, num_quantizers: 3 });
    expect(both.audio_codes.dims).toEqual([1, 3, 2]);
    expect(both.audio_values.dims).toEqual([1, 1, FRAME + 5]);
    const first = await codec.decode(codes(1), { use_streaming: true });
    const { decoder_past_key_values } = first;
    const tuple = await codec.forward({ audio_codes: codes(3), decoder_past_key_values, return_dict: false });
    expect(tuple[1].dims).toEqual([1, 1, 3 * FRAME]);
    expect(tuple.slice(2)).toEqual([null, decoder_past_key_values]);
    await expectCode(codec.forward({}), "ERR_INVALID_ARGUMENT");
    await expectCode(codec.forward(wrong({ input_values, use_streaming: true })), "ERR_INVALID_ARGUMENT");
  });

  it("refuses caches that do not fit, by name", async () => {
    const first = await codec.encode(audio(1), { use_streaming: true });
    const other = await codec.encode(audio(1), { use_streaming: true });
    const decoded = await codec.decode(codes(1), { use_streaming: true });
    const { encoder_past_key_values } = first;
    const cases: [string, () => Promise<unknown>][] = [
      [
        "different streams",
        () => codec.encode(audio(1), { encoder_past_key_values, padding_cache: other.padding_cache }),
      ],
      ["2 rows, but its caches have 1", () => codec.encode(audio(1, 2), { encoder_past_key_values })],
      ["2 rows, but its caches have 1", () => codec.decode(codes(1, 2), { padding_cache: decoded.padding_cache })],
      [
        "whole frames of 1920 samples, not 1919",
        () => codec.encode(audio(1).slice(null, null, [1, null]), { encoder_past_key_values }),
      ],
      ["decoder, not of its encoder", () => codec.encode(audio(1), { padding_cache: decoded.padding_cache })],
      [
        "encoder, not of its decoder",
        () => codec.decode(codes(1), { decoder_past_key_values: encoder_past_key_values }),
      ],
      [
        "'padding_cache' must be a MimiConv1dPaddingCache",
        () => codec.decode(codes(1), { padding_cache: wrong(encoder_past_key_values) }),
      ],
      ["'use_streaming' must be true or false", () => codec.encode(audio(1), { use_streaming: wrong("yes") })],
      ["unknown option 'past_key_values'", () => codec.encode(audio(1), wrong({ past_key_values: null }))],
    ];
    for (const [words, attempt] of cases) {
      await expect(attempt()).rejects.toThrow(words);
    }
  });

  it("refuses codes that are none", async () => {
    const bad = codes(2);
    bad.data[3] = 256n;
    const cases: [string, unknown][] = [
      ["not a float32 tensor", audio(1)],
      ["not an array of 3", [1, 2, 3]],
      ["not [2, 3]", new Tensor("int64", new BigInt64Array(6), [2, 3])],
      ["256 at [0, 1, 1]; codes are 0 to 255", bad],
      ["9 codebooks, but the codec has", new Tensor("int32", new Int32Array(9), [1, 9, 1])],
    ];
    for (const [words, value] of cases) {
      const attempt = codec.decode(wrong(value));
      await expectCode(attempt, "ERR_INVALID_ARGUMENT");
      await expect(attempt).rejects.toThrow(words);
    }
  });

  it("a stream that was aborted half way is of no more use", async () => {
    const { decoder_past_key_values, padding_cache } = await codec.decode(codes(1), { use_streaming: true });
    const caches = { decoder_past_key_values, padding_cache };
    const controller = new AbortController();
    backend.engine.onCompute = () => controller.abort();
    await expectCode(codec.decode(codes(2), { ...caches, signal: controller.signal }), "ERR_ABORTED");
    backend.engine.onCompute = () => {
      throw new Error("computed after all");
    };
    await expectCode(codec.decode(codes(2), { ...caches, signal: controller.signal }), "ERR_ABORTED");
    await decoder_past_key_values?.dispose();
    await expectCode(codec.decode(codes(2), caches), "ERR_DISPOSED");
  });

  it("has types that say what comes back, and refuse what would fail", async () => {
    expectTypeOf(await codec.encode(audio(1))).toEqualTypeOf<MimiEncoderOutput>();
    expectTypeOf(await codec.encode(audio(1), { return_dict: false })).toEqualTypeOf<MimiEncoderTuple>();
    expectTypeOf(await codec.decode(codes(1))).toEqualTypeOf<MimiDecoderOutput>();
    expectTypeOf(await codec.decode(codes(1), { return_dict: false })).toEqualTypeOf<MimiDecoderTuple>();
    expectTypeOf(await codec({ input_values: audio(1) })).toEqualTypeOf<MimiOutput>();
    const { padding_cache } = await codec.encode(audio(1), { use_streaming: true });
    // @ts-expect-error a padding cache is no key-value cache
    await expectCode(codec.encode(audio(1), { encoder_past_key_values: padding_cache }), "ERR_INVALID_ARGUMENT");
    // @ts-expect-error audio is no codes
    await expectCode(codec.decode(audio(1)), "ERR_INVALID_ARGUMENT");
    // @ts-expect-error an option of another method
    await expectCode(codec.decode(codes(1), { num_quantizers: 3 }), "ERR_INVALID_ARGUMENT");
  });

  it("knows lengths and masks without computing", () => {
    expect([0, 1, FRAME, FRAME + 1].map((n) => codec.get_encoded_length(n))).toEqual([0, 1, 1, 2]);
    expect(() => codec.get_encoded_length(1.5)).toThrow("samples");
    const mask = new Tensor("int32", new Int32Array(2 * 2 * FRAME).fill(1, 0, FRAME + 9), [2, 2 * FRAME]);
    expect(codec.get_audio_codes_mask(mask).tolist()).toEqual([
      [1, 1],
      [0, 0],
    ]);
    expect(codec.get_audio_codes_mask(mask, "left").dims).toEqual([2, 2]);
    expect(() => codec.get_audio_codes_mask(mask.flatten())).toThrow("[batch, samples]");
  });
});
