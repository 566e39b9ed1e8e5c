/** `info MODEL` and inspectModel, from what the core says of a model. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inspectModel } from "../../../ts/api/inspect.js";
import { run } from "../../../ts/cli/program.js";
import { expectCode } from "../../contract/subject.js";
import { type FakeBackend, useFakeBackend } from "../support/fake-backend.js";

/** stt-1b-en_fr as the core describes it, but for the numbers that nothing here looks at. */
function description(file: string) {
  return {
    layout: "candle",
    files: [file, `${file}: tokenizer`],
    config: {
      sliding_window: 750,
      num_hidden_layers: 16,
      hidden_size: 2048,
      num_attention_heads: 16,
      num_key_value_heads: 16,
      head_dim: 128,
      codec_config: {
        frame_rate: 12.5,
        sampling_rate: 24_000,
        num_hidden_layers: 8,
        hidden_size: 512,
        codebook_size: 2048,
        num_key_value_heads: 8,
        head_dim: 64,
        sliding_window: 250,
      },
    },
    preprocessor_config: { audio_delay_seconds: 0.5, audio_silence_prefix_seconds: 0 },
    tokenizer: { kind: "sentencepiece", file: "tokenizer_en_fr_audio_8000.model" },
    n_codebooks: 32,
    output_vocab_size: 8000,
    extra_heads: { count: 4, classes: 6 },
    parameters: 1_050_000_000,
    bytes: 2_200_000_000,
    decoder: {
      parameters: 989_000_000,
      bytes: 1_978_000_000,
      dtypes: { bf16: { tensors: 98, parameters: 988_000_000, bytes: 1_977_000_000 } },
    },
    codec: {
      parameters: 56_000_000,
      bytes: 224_000_000,
      dtypes: { f32: { tensors: 159, parameters: 56_000_000, bytes: 224_000_000 } },
    },
  };
}

describe("info MODEL", () => {
  let folder: string;
  let file: string;
  let backend: FakeBackend;
  beforeEach(async () => {
    backend = useFakeBackend();
    folder = await mkdtemp(join(tmpdir(), "kstt-"));
    file = join(folder, "model.gguf");
    await writeFile(file, "x".repeat(1500));
    backend.descriptions.set(file, description(file));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function cli(...argv: string[]) {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const code = await run(argv, { stdin: stdout, stdout, stderr, signal: new AbortController().signal });
    stdout.end();
    stderr.end();
    return { code, out: await text(stdout), err: await text(stderr) };
  }

  it("says what it is in a few lines", async () => {
    const { code, out } = await cli("info", file);
    expect(code).toBe(0);
    expect(out).toContain("layout   candle\n");
    expect(out).toContain("16 layers of 2048, 16 heads, window 750 steps (60 s), 32 audio streams\n");
    expect(out).toContain("989.0 M parameters, 1978.0 MB: 98 x bf16\n");
    expect(out).toContain("8000 tokens, sentencepiece (tokenizer_en_fr_audio_8000.model)\n");
    expect(out).toContain("pauses   4 heads that predict them\n");
    // 16 * 2 * 750 * 2048 * 2 of the decoder, 8 * 2 * 250 * 512 * 4 of the codec.
    expect(out).toContain("2200.0 MB of weights, about 106.5 MB more per stream\n");
    expect(out).toContain("files    model.gguf (1.5 kB)\n");
  });

  it("prints every detail as JSON", async () => {
    const { out } = await cli("info", file, "--json");
    const summary = JSON.parse(out);
    expect(summary).toMatchObject({ path: file, layout: "candle", vocabSize: 8000, pauseHeads: 4, delaySeconds: 0.5 });
    expect(summary.files).toEqual([{ path: file, bytes: 1500 }, { path: `${file}: tokenizer` }]);
    expect(summary.decoder.dtypes.bf16.tensors).toBe(98);
    expect(summary.bytesPerStream).toBe(98_304_000 + 8_192_000);
  });

  it("asks for the model as it will be loaded", async () => {
    await cli("info", file);
    expect(backend.lastSourceOptions).toEqual({ transformersCompat: false });
    await cli("info", file, "--codebooks", "20", "--transformers-compat");
    expect(backend.lastSourceOptions).toEqual({ codebooks: 20, transformersCompat: true });
    expect((await cli("info", file, "--codebooks", "few")).code).toBe(2);
  });

  it("counts four bytes per value where all weights are f32", async () => {
    const wide = description(file);
    const dtypes = { f32: { tensors: 98, parameters: 1, bytes: 4 } };
    backend.descriptions.set(file, { ...wide, decoder: { ...wide.decoder, dtypes } });
    expect((await inspectModel(file)).bytesPerStream).toBe(2 * 98_304_000 + 8_192_000);
  });

  it("fails with a code", async () => {
    const { code, out, err } = await cli("info", join(folder, "none.gguf"));
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain("[ERR_FILE_NOT_FOUND]");
    await expectCode(inspectModel(file, { signal: AbortSignal.abort() }), "ERR_ABORTED");
    await expectCode(inspectModel(file, { json: true } as object), "ERR_INVALID_ARGUMENT");
  });
});
