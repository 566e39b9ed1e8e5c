#!/usr/bin/env node
/**
 * What quantization costs: words, tokens and codes of a model's test recordings per type, and how far logits move.
 * Prints JSON lines; bench/README.md explains them.
 * Usage: node bench/quality.mjs [--model DIR] [--dtypes f32,q8_0] [--keep RULE] [--small] [--steps N] [--no-logits]
 *   --model  a checkpoint; with test/expected.json and recordings beside it, words and tokens are compared too, else
 *            only codes, of the embedded model's sample
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DEFAULT_SESSION } from "../dist/contract/session.js";
import { convertModel, KyutaiSpeechToTextForConditionalGeneration, read_audio, Tensor } from "../dist/index.node.js";

const native = fileURLToPath(new URL("../build/native", import.meta.url));

function print(stage, fields) {
  process.stdout.write(`${JSON.stringify({ stage, ...fields })}\n`);
}

/** Substitutions, insertions and deletions that turn one list into the other. */
function edits(expected, found) {
  let row = found.map((_, index) => index + 1);
  for (const [i, word] of expected.entries()) {
    let [diagonal, left] = [i, i + 1];
    row = row.map((above, j) => {
      const cost = Math.min(above + 1, left + 1, diagonal + (word === found[j] ? 0 : 1));
      [diagonal, left] = [above, cost];
      return cost;
    });
  }
  return row.at(-1) ?? expected.length;
}

/** Tokens and words of every recording. */
async function hear(path, recordings) {
  const { cpuCandidate } = await import("../dist/backend/native/native-candidate.js");
  const backend = await cpuCandidate.open();
  const engine = await backend.createEngine(path, { threads: 0, slots: 1 });
  const heard = [];
  for (const { samples } of recordings) {
    const session = await engine.createSession({ ...DEFAULT_SESSION, emitTokens: true });
    await session.pushPcm(samples, engine.info.sampleRate);
    await session.end();
    const events = [];
    while ((await engine.step(64)) > 0) events.push(...session.poll());
    events.push(...session.poll());
    await session.dispose();
    heard.push({
      tokens: events.filter(({ type }) => type === "token").map(({ token }) => token),
      words: events.filter(({ type }) => type === "word").map(({ text }) => text),
    });
  }
  await engine.dispose();
  return heard;
}

/** Codes of every recording, [quantizers][frames]. */
async function encode(path, recordings) {
  const model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(path, { backend: "cpu" });
  const all = [];
  for (const { samples } of recordings) {
    const input = new Tensor("float32", samples, [1, 1, samples.length]);
    const { audio_codes } = await model.codec_model.encode(input);
    const [, quantizers, frames] = audio_codes.dims;
    const codes = Array.from(audio_codes.data, Number);
    all.push(Array.from({ length: quantizers }, (_, k) => codes.slice(k * frames, (k + 1) * frames)));
  }
  await model.dispose();
  return all;
}

/** Shares of equal codes: of all, and of the first codebook, on which no other depends. */
function compareCodes(expected, found) {
  const share = (a, b) => a.filter((code, i) => code === b[i]).length / a.length;
  return {
    code_agreement: share(expected.flat(2), found.flat(2)),
    first_codebook: share(
      expected.flatMap(([first]) => first),
      found.flatMap(([first]) => first),
    ),
    codes: expected.flat(2).length,
  };
}

/** How far the logits of a file are from the model's; the reason where the tool is not built. */
function logitError(target) {
  const tool = join(native, process.platform === "win32" ? "kstt_logit_error.exe" : "kstt_logit_error");
  if (!existsSync(tool)) return { failed: "kstt_logit_error is not built; run npm run build" };
  return JSON.parse(execFileSync(tool, [native, model, target, values.steps], { encoding: "utf8" }));
}

function compare(recordings, expected, found) {
  let [wrong, words, same, tokens] = [0, 0, 0, 0];
  for (const [index, { text }] of recordings.entries()) {
    const said = text.split(" ");
    wrong += edits(said, found[index].words);
    words += said.length;
    tokens += expected[index].tokens.length;
    same += expected[index].tokens.filter((token, step) => token === found[index].tokens[step]).length;
  }
  return { word_error_rate: wrong / words, words, token_agreement: same / tokens, tokens };
}

const { values } = parseArgs({
  options: {
    model: { type: "string", default: fileURLToPath(new URL("../models/digits-en", import.meta.url)) },
    dtypes: { type: "string", default: "f32,bf16,f16,q8_0,q4_0,q4_k" },
    keep: { type: "string", multiple: true, default: [] },
    small: { type: "boolean", default: false },
    "no-logits": { type: "boolean", default: false },
    steps: { type: "string", default: "200" },
  },
});
const model = resolve(values.model);
const list = join(model, "test", "expected.json");
const recordings = existsSync(list) ? JSON.parse(readFileSync(list, "utf8")) : [];
for (const recording of recordings) {
  recording.samples = await read_audio(join(model, "test", recording.file), 24_000);
}
const source = recordings.length > 0 ? await hear(model, recordings) : [];
const sample = fileURLToPath(new URL("../models/digits-en/sample.wav", import.meta.url));
const encoded = recordings.length > 0 ? recordings : [{ samples: await read_audio(sample, 24_000) }];
const codes = await encode(model, encoded);
const work = mkdtempSync(join(tmpdir(), "kstt-quality-"));
try {
  for (const dtype of values.dtypes.split(",")) {
    const target = join(work, `${dtype}.gguf`);
    const { bytes, tensors } = await convertModel(model, target, { dtype, keep: values.keep, small: values.small });
    const decoder = tensors.filter(({ name }) => !name.startsWith("codec_model.")).reduce((n, t) => n + t.bytes, 0);
    print("quality", {
      model: basename(model),
      dtype,
      keep: values.keep,
      small: values.small,
      bytes,
      decoder_bytes: decoder,
      ...(recordings.length > 0 ? compare(recordings, source, await hear(target, recordings)) : {}),
      ...compareCodes(codes, await encode(target, encoded)),
      ...(values["no-logits"] ? {} : { logits: logitError(target) }),
    });
    rmSync(target);
  }
} finally {
  rmSync(work, { recursive: true });
}
