/** The codec alone against transformers' MimiModel, on a backend: codes one by one, audio within 1e-4. */
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type DecodeCodesOptions,
  type EncodeOptions,
  KyutaiSpeechToTextForConditionalGeneration,
  type MimiModel,
  type PretrainedModelOptions,
  Tensor,
} from "../../ts/index.node.js";
import { type CODEC_FIXTURES, readCodecFixture, signalRows } from "./codec-fixture.js";

const TOLERANCE = 1e-4;

export function testCodec(name: (typeof CODEC_FIXTURES)[number], backend: PretrainedModelOptions): void {
  const fixture = readCodecFixture(name);
  let model: KyutaiSpeechToTextForConditionalGeneration;
  let codec: MimiModel;
  let frame: number;
  let audio: Tensor<"float32">;
  let partial: Tensor<"float32">;
  const codes = fixture.expected("input_codes").to("int64");

  beforeAll(async () => {
    model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(fixture.checkpointFolder, backend);
    codec = model.codec_model;
    frame = codec.config.frame_size;
    const samples = fixture.frames * frame;
    audio = signalRows(fixture, samples);
    partial = audio.slice(null, null, [0, samples - Math.floor(frame / 3)]);
  });

  afterAll(() => model.dispose());

  test("encode", async () => {
    expectCodes((await codec.encode(audio)).audio_codes, "encode");
    const tuple = await codec.encode(audio, { return_dict: false });
    expectCodes(tuple[0], "encode");
    expect(tuple.slice(1)).toEqual([null, null]);
  });

  test("a last partial frame is padded layer by layer", async () => {
    const padding_mask = new Tensor("int32", new Int32Array(partial.size), partial.dims);
    expectCodes((await codec.encode(partial, { padding_mask })).audio_codes, "encode.partial");
  });

  test("num_quantizers gives the first codebooks", async () => {
    const { audio_codes } = await codec.encode(audio, { num_quantizers: fixture.few });
    expect(audio_codes.tolist()).toEqual(fixture.expected("encode").to("int64").slice(null, [0, fixture.few]).tolist());
  });

  test.each([
    ["both caches go on: as one call", "encode.both", true, true],
    ["the key-value cache alone: convolutions begin anew", "encode.keys", true, false],
    ["the padding cache alone: the transformer begins anew", "encode.padding", false, true],
  ] as const)("streaming, %s", async (_, expected, keepsKeys, keepsPadding) => {
    const parts: Tensor<"int64">[] = [];
    let options: EncodeOptions = {};
    for (const [start, end] of pieces()) {
      const piece = audio.slice(null, null, [start * frame, end * frame]);
      const output = await codec.encode(piece, { ...options, use_streaming: true });
      parts.push(output.audio_codes);
      expect(output.encoder_past_key_values?.get_seq_length()).toBe(2 * (keepsKeys ? end : end - start));
      options = {
        ...(keepsKeys ? { encoder_past_key_values: output.encoder_past_key_values } : {}),
        ...(keepsPadding ? { padding_cache: output.padding_cache } : {}),
      };
    }
    expectCodes(joined(parts), expected);
  });

  test("decode", async () => {
    expectAudio(await decoded(codes), "decode");
    expectAudio(await decoded(codes.slice(null, [0, fixture.few])), "decode.few");
    expectAudio((await codec.decode(codes.to("int32"), { return_dict: false }))[0], "decode");
  });

  test("decode with the key-value cache alone: convolutions begin anew", async () => {
    const parts: Tensor<"float32">[] = [];
    let options: DecodeCodesOptions = { use_streaming: true };
    for (const [start, end] of pieces()) {
      const output = await codec.decode(codes.slice(null, null, [start, end]), options);
      parts.push(output.audio_values);
      const { decoder_past_key_values } = output;
      expect(decoder_past_key_values?.get_seq_length()).toBe(2 * end);
      options = { decoder_past_key_values };
    }
    expectAudio(joined(parts), "decode.keys");
  });

  test("decode with both caches: the same samples as one call, bit for bit", async () => {
    const parts: Tensor<"float32">[] = [];
    let options: DecodeCodesOptions = { use_streaming: true };
    for (const [start, end] of pieces()) {
      const output = await codec.decode(codes.slice(null, null, [start, end]), options);
      parts.push(output.audio_values);
      options = { decoder_past_key_values: output.decoder_past_key_values, padding_cache: output.padding_cache };
    }
    expect(joined(parts).data).toEqual((await decoded(codes)).data);
  });

  test("rows of a batch are what they are alone, bit for bit", async () => {
    const batch = await decoded(codes);
    for (const row of fixture.seeds.keys()) {
      expect((await decoded(codes.slice([row, row + 1]))).data).toEqual(batch.at(row).data);
    }
  });

  test("padding_mask cuts the audio", async () => {
    const padding_mask = new Tensor("int32", new Int32Array(2 * (frame + 3)), [2, frame + 3]);
    const { audio_values } = await codec.decode(codes, { padding_mask });
    expect(audio_values.dims).toEqual([2, 1, frame + 3]);
    expect(audio_values.data).toEqual((await decoded(codes)).slice(null, null, [0, frame + 3]).data);
  });

  test("forward encodes, decodes and cuts to the input", async () => {
    const output = await codec({ input_values: partial });
    expectCodes(output.audio_codes, "forward.codes");
    expect(output.audio_values.dims).toEqual(partial.dims);
    const [first, last] = [output.audio_values.slice(null, null, [0, 2 * frame]), output.audio_values];
    expect(relativeError(first, fixture.expected("forward.first"))).toBeLessThanOrEqual(TOLERANCE);
    const tail = last.slice(null, null, [-frame, null]);
    expect(relativeError(tail, fixture.expected("forward.last"))).toBeLessThanOrEqual(TOLERANCE);
    const tuple = await codec.forward({ audio_codes: output.audio_codes, return_dict: false });
    expect(tuple[0]).toBe(output.audio_codes);
    expect(tuple[1].dims).toEqual([2, 1, fixture.frames * frame]);
  });

  test("get_encoded_length and get_audio_codes_mask", () => {
    const lengths = Array.from({ length: Math.ceil((3 * frame) / 7) }, (_, i) => codec.get_encoded_length(7 * i));
    expect(lengths).toEqual([...fixture.expected("lengths").data]);
    const mask = new Tensor("int64", new BigInt64Array(3 * 4 * frame), [3, 4 * frame]);
    for (const [row, samples] of [4 * frame, 2 * frame + 1, frame - 1].entries()) {
      mask.at(row).data.fill(1n, 0, samples);
    }
    expect(codec.get_audio_codes_mask(mask).to("int32").tolist()).toEqual(fixture.expected("codes_mask").tolist());
    expect(codec.get_audio_codes_mask(mask, "left").to("int32").tolist()).toEqual(
      fixture.expected("codes_mask.left").tolist(),
    );
  });

  async function decoded(values: Tensor<"int64">): Promise<Tensor<"float32">> {
    return (await codec.decode(values)).audio_values;
  }

  function pieces(): [number, number][] {
    const ends = fixture.pieces.map((_, index) => fixture.pieces.slice(0, index + 1).reduce((sum, n) => sum + n, 0));
    return ends.map((end, index) => [ends[index - 1] ?? 0, end]);
  }

  function expectCodes(found: Tensor<"int64">, expected: string): void {
    expect(found.to("int32").tolist()).toEqual(fixture.expected(expected).tolist());
  }

  /** Only some frames of long audio are stored. */
  function expectAudio(found: Tensor<"float32">, expected: string): void {
    const frames = found.view(fixture.seeds.length, -1, frame);
    const kept = joined(
      fixture.kept.map((index) => frames.slice(null, [index, index + 1])),
      1,
    );
    expect(relativeError(kept, fixture.expected(expected))).toBeLessThanOrEqual(TOLERANCE);
  }
}

/** Tensors side by side along a dimension, the last one by default. */
function joined<T extends "int64" | "float32">(parts: readonly Tensor<T>[], dim = 2): Tensor<T> {
  const [first] = parts;
  if (first === undefined) {
    throw new Error("nothing to join");
  }
  const order = [dim, ...first.dims.keys()].filter((place, index) => index === 0 || place !== dim);
  const rows = parts.flatMap((part) =>
    [...part.permute(...order)].flatMap((row) => Array.from<number | bigint>(row.data)),
  );
  const dims = order.map((place) => first.dims[place] ?? 0);
  dims[0] = parts.reduce((sum, part) => sum + (part.dims[dim] ?? 0), 0);
  const data = first.type === "int64" ? BigInt64Array.from(rows as bigint[]) : Float32Array.from(rows as number[]);
  const back = first.dims.map((_, place) => order.indexOf(place));
  return new Tensor(first.type, data as Tensor<T>["data"], dims).permute(...back);
}

/** Root of the summed squares of the differences, over that of the expected values. */
function relativeError(found: Tensor<"float32">, expected: Tensor): number {
  expect(found.dims).toEqual(expected.dims);
  let difference = 0;
  let size = 0;
  for (const [index, value] of found.data.entries()) {
    const wanted = Number(expected.data[index]);
    difference += (value - wanted) ** 2;
    size += wanted ** 2;
  }
  return Math.sqrt(difference / size);
}
