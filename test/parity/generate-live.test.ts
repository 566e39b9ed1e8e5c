/**
 * generate() under random combinations of its options, on random configurations, against a live transformers: it is given
 * our choices step by step (tools/oracle/replay-generate.py), so that whole runs compare, sampled ones included.
 *
 * KSTT_LIVE_SEEDS: "FIRST" or "FIRST-LAST", other seeds than those that every run takes.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import {
  type GenerateDecoderOnlyOutput,
  KyutaiSpeechToTextForConditionalGeneration,
  KyutaiSpeechToTextProcessor,
  type Tensor,
} from "../../ts/index.node.js";
import { audioSignal } from "./audio-signal.js";
import { noPython, ORACLE_PYTHON } from "./oracle-python.js";
import { readTensorFile, relativeError, type StoredTensor } from "./tensor-file.js";
import tolerances from "./tolerances.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const [first = 1, last = 2] = (process.env["KSTT_LIVE_SEEDS"] ?? "1-2").split("-").map(Number);
const SEEDS = Array.from({ length: Math.max(first, last) - first + 1 }, (_, index) => first + index);
const TOLERANCE = tolerances.f32.intermediate;

interface Request {
  readonly name: string;
  readonly rows: number;
  readonly audio_window_size: number | null;
  readonly options: Readonly<Record<string, unknown>>;
  readonly seed: number;
}

interface Requests {
  readonly rows: readonly { readonly seed: number; readonly samples: number }[];
  readonly cases: readonly Request[];
}

/** Everything of a run that can be compared, scores included. */
async function run(
  model: KyutaiSpeechToTextForConditionalGeneration,
  inputs: Tensor<"float32">,
  request: Request,
): Promise<GenerateDecoderOnlyOutput> {
  const sampling = request.options["do_sample"] === true ? { seed: request.seed } : {};
  const options = {
    ...request.options,
    ...sampling,
    input_values: inputs.slice([0, request.rows]) as Tensor<"float32">,
    audio_window_size: request.audio_window_size,
  };
  const output = await model.generate({
    ...options,
    return_dict_in_generate: true,
    output_scores: true,
    output_logits: true,
  });
  // In one go in the core: no looking at the steps.
  const { output_hidden_states, output_attentions, ...plain } = options as Record<string, unknown>;
  const alone = await model.generate({ ...plain, input_values: options.input_values });
  expect(alone.tolist(), `${request.name}: in one go`).toEqual(output.sequences.tolist());
  return output;
}

function expectScores(found: Tensor<"float32">, expected: Tensor<"float32">, doubtful: Int32Array, what: string): void {
  for (const [row, scores] of [...expected].entries()) {
    if (doubtful[row] === 1) {
      continue;
    }
    const mine = found.at(row) as Tensor<"float32">;
    const finite = (tensor: Tensor<"float32">) => Array.from(tensor.data, Number.isFinite);
    expect(finite(mine), `${what}, row ${row}: what is left`).toEqual(finite(scores));
    const zeroed = (tensor: Tensor<"float32">) => {
      const copy = tensor.clone();
      copy.data.forEach((value, index) => {
        copy.data[index] = Number.isFinite(value) ? value : 0;
      });
      return copy;
    };
    const [a, b] = [zeroed(mine), zeroed(scores)];
    const isZero = b.data.every((value) => value === 0);
    expect(isZero ? Math.max(...a.data.map(Math.abs)) : relativeError(a, b), `${what}, row ${row}`).toBeLessThanOrEqual(
      TOLERANCE,
    );
  }
}

async function compare(
  output: GenerateDecoderOnlyOutput,
  tensors: ReadonlyMap<string, StoredTensor>,
  { name, options }: Request,
): Promise<number> {
  const what = `case ${name} ${JSON.stringify(options)}`;
  const stored = (key: string) => tensors.get(`${name}/${key}`) as Tensor<"float32">;
  const sequences = tensors.get(`${name}/tokens`) as Tensor<"int32">;
  expect(output.sequences.tolist(), what).toEqual(sequences.to("int64").tolist());
  const doubtful = tensors.get(`${name}/doubtful`) as Tensor<"int32">;
  const choices = tensors.get(`${name}/choices`) as Tensor<"int32">;
  for (const [step, logits] of [...stored("logits")].entries()) {
    expect(relativeError(output.logits?.[step] as Tensor<"float32">, logits), what).toBeLessThanOrEqual(TOLERANCE);
    const marks = (doubtful.at(step) as Tensor<"int32">).data;
    expectScores(
      output.scores?.[step] as Tensor<"float32">,
      stored("scores").at(step) as Tensor<"float32">,
      marks,
      what,
    );
    if (options["do_sample"] !== true) {
      const ended = [...output.sequences].map((row) =>
        isEnded(row as Tensor<"int64">, step + 1, options["eos_token_id"]),
      );
      for (const [row, choice] of (choices.at(step) as Tensor<"int32">).data.entries()) {
        if (choice >= 0 && !ended[row]) {
          expect(output.sequences.at(row).data[step + 1], `${what}: step ${step} row ${row}`).toBe(BigInt(choice));
        }
      }
    }
  }
  for (const records of ["hidden_states", "attentions"] as const) {
    const isWanted = options[`output_${records}`] === true;
    expect(output[records] !== undefined, what).toBe(isWanted);
    for (const [step, layers] of output[records]?.entries() ?? []) {
      for (const [layer, tensor] of layers.entries()) {
        expect(relativeError(tensor, stored(`${records}.${step}.${layer}`)), what).toBeLessThanOrEqual(TOLERANCE);
      }
    }
  }
  for (const [layer, [keys, values]] of (await output.past_key_values.to_legacy_cache()).entries()) {
    expect(relativeError(keys, stored(`keys.${layer}`)), what).toBeLessThanOrEqual(TOLERANCE);
    expect(relativeError(values, stored(`values.${layer}`)), what).toBeLessThanOrEqual(TOLERANCE);
  }
  return doubtful.data.reduce((sum, mark) => sum + mark, 0) / doubtful.data.length;
}

/** Whether a row had ended before the token at `position`. */
function isEnded(row: Tensor<"int64">, position: number, eos: unknown): boolean {
  const ends = (Array.isArray(eos) ? eos : [eos]).filter((id) => typeof id === "number").map(BigInt);
  return row.data.subarray(1, position).some((token) => ends.includes(token));
}

async function replay(seed: number, interpreter: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "kstt-replay-"));
  const script = join(ROOT, "tools/oracle/replay-generate.py");
  const oracle = spawn(interpreter, [script, String(seed), folder], { stdio: ["pipe", "pipe", "pipe"] });
  const complaints: string[] = [];
  oracle.stderr.on("data", (text: Buffer) => complaints.push(String(text)));
  const exit = once(oracle, "exit") as Promise<[number | null]>;
  try {
    let isReady = false;
    for await (const line of createInterface(oracle.stdout)) {
      isReady = line === "ready";
      if (isReady) {
        break;
      }
    }
    if (!isReady) {
      throw new Error(`the oracle ended with ${(await exit)[0]}: ${complaints.join("")}`);
    }
    const { rows, cases } = JSON.parse(await readFile(join(folder, "requests.json"), "utf8")) as Requests;
    await using model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(join(folder, "checkpoint"), {
      backend: "cpu",
      threads: 1,
    });
    const processor = await KyutaiSpeechToTextProcessor.from_pretrained(join(folder, "checkpoint"));
    const { input_values } = await processor(rows.map((row) => audioSignal(row.seed, row.samples)));
    const outputs = new Map<string, GenerateDecoderOnlyOutput>();
    for (const request of cases) {
      outputs.set(request.name, await run(model, input_values, request));
    }
    const tokens = Object.fromEntries(
      [...outputs].map(([name, { sequences }]) => [
        name,
        sequences.tolist().map((row) => (row as bigint[]).map(Number)),
      ]),
    );
    await writeFile(join(folder, "tokens.json"), JSON.stringify(tokens));
    oracle.stdin.write("\n");
    expect((await exit)[0], complaints.join("")).toBe(0);
    const tensors = readTensorFile(join(folder, "expected.safetensors"));
    for (const request of cases) {
      const doubt = await compare(outputs.get(request.name) as GenerateDecoderOnlyOutput, tensors, request);
      // Were most cuts left unjudged, this would test nothing.
      expect(doubt, `case ${request.name}: share of steps that rounding decides`).toBeLessThan(0.7);
    }
  } finally {
    oracle.kill();
    await rm(folder, { recursive: true });
  }
}

for (const seed of SEEDS) {
  test(`random options on a random configuration, live (seed ${seed})`, async (context) => {
    if (ORACLE_PYTHON === undefined) {
      return context.skip(noPython("transformers"));
    }
    await replay(seed, ORACLE_PYTHON);
  });
}
