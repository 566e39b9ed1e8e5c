import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { inspectModel, listBackends, type ModelSummary } from "../index.node.js";
import { type CliIo, write } from "./io.js";
import { LoadProgress } from "./load-progress.js";

export async function info(version: string, io: CliIo): Promise<number> {
  const lines = [
    `kyutai-stt ${version}`,
    `node ${process.version} on ${process.platform}-${process.arch}`,
    "backends:",
  ];
  for (const { kind, ok, reason } of await listBackends()) {
    lines.push(`  ${kind}: ${ok ? "works" : `not usable: ${reason}`}`);
  }
  await write(io.stdout, `${lines.join("\n")}\n`);
  return 0;
}

export interface InfoCommandOptions {
  readonly json: boolean;
  readonly cache?: string;
  readonly codebooks?: number;
  readonly transformersCompat?: true;
}

/** What a checkpoint is. */
export async function modelInfo(
  model: string,
  { json, cache, codebooks, transformersCompat }: InfoCommandOptions,
  io: CliIo,
): Promise<number> {
  const progress = new LoadProgress(io);
  const summary = await inspectModel(model, {
    cacheDir: cache,
    codebooks,
    transformersCompat,
    signal: io.signal,
    onDownload: ({ done, total = 0, download }) => progress.downloaded(done, total, download?.rate ?? 0, download?.eta),
  }).finally(() => progress.stop());
  const files = await Promise.all(summary.files.map(async (path) => ({ path, bytes: await sizeOf(path) })));
  await write(io.stdout, json ? `${JSON.stringify({ ...summary, files })}\n` : textOf(summary, files));
  return 0;
}

interface SizedFile {
  readonly path: string;
  readonly bytes: number | undefined;
}

/** undefined for a part of another file, such as the vocabulary in a GGUF. */
async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}

function textOf(model: ModelSummary, files: readonly SizedFile[]): string {
  const { decoder, codec, tokenizer } = model;
  const rows: [string, string][] = [
    ["model", model.path],
    ["layout", model.layout],
    [
      "decoder",
      `${decoder.layers} layers of ${decoder.hiddenSize}, ${decoder.heads} heads, ` +
        `window ${decoder.window} steps (${decoder.windowSeconds} s), ${decoder.codebooks} audio streams`,
    ],
    ["", weights(decoder)],
    [
      "codec",
      `${codec.layers} layers of ${codec.hiddenSize}, codebooks of ${codec.codebookSize}, ` +
        `${codec.sampleRate} Hz, ${codec.frameRate} frames per second`,
    ],
    ["", weights(codec)],
    ["text", `${model.vocabSize} tokens, ${tokenizer.kind} (${basename(tokenizer.file)})`],
    ["delay", `${model.delaySeconds} s; silence before a recording ${model.prefixSeconds} s`],
    ["pauses", model.pauseHeads === 0 ? "no heads that predict them" : `${model.pauseHeads} heads that predict them`],
    ["memory", `${bytes(model.bytes)} of weights, about ${bytes(model.bytesPerStream)} more per stream`],
    ...files.map(({ path, bytes: size }, index): [string, string] => [
      index === 0 ? "files" : "",
      size === undefined ? basename(path) : `${basename(path)} (${bytes(size)})`,
    ]),
  ];
  return rows.map(([name, text]) => `${name.padEnd(9)}${text}\n`).join("");
}

/** "989.2 M parameters, 1978.4 MB: 98 tensors bf16, 65 f32" */
function weights({ parameters, bytes: size, dtypes }: ModelSummary["decoder" | "codec"]): string {
  const types = Object.entries(dtypes).map(([type, { tensors }]) => `${tensors} x ${type}`);
  return `${(parameters / 1e6).toFixed(1)} M parameters, ${bytes(size)}: ${types.join(", ")}`;
}

function bytes(n: number): string {
  return n < 1e6 ? `${(n / 1e3).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`;
}
