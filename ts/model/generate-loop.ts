/** Steps of a generation that callbacks take part in, or whose results are kept. */
import type { GenerationHandle, StepResult, WorkProgress } from "../contract/backend.js";
import { Tensor, type TensorLike } from "../tensor/tensor.js";
import { DynamicCache } from "./dynamic-cache.js";
import type { EngineRunner } from "./engine-runner.js";
import { GenerateDecoderOnlyOutput, type TokenRows } from "./generate-options.js";
import type { GenerationPlan } from "./generation-options.js";
import { invalidArgument, show } from "./option-checks.js";

type Floats = Tensor<"float32">;

interface Records {
  readonly scores: Floats[];
  readonly logits: Floats[];
  readonly attentions: Floats[][];
  readonly hiddenStates: Floats[][];
}

export interface StepShape {
  /** Rows of the result. */
  readonly rows: number;
  readonly layers: number;
  readonly heads: number;
  readonly bosTokenId: number;
}

/** Takes the place of advance() where a plan is stepwise: one step at a time, and what happens around its choice. */
export class StepwiseGeneration {
  readonly #handle: GenerationHandle;
  readonly #plan: GenerationPlan;
  readonly #shape: StepShape;
  readonly #start = performance.now();
  readonly #rows: TokenRows;
  readonly #done: Uint8Array;
  readonly #records: Records = { scores: [], logits: [], attentions: [], hiddenStates: [] };

  constructor(handle: GenerationHandle, plan: GenerationPlan, shape: StepShape) {
    this.#handle = handle;
    this.#plan = plan;
    this.#shape = shape;
    this.#rows = Array.from({ length: shape.rows }, () => [BigInt(shape.bosTokenId)]);
    this.#done = new Uint8Array(shape.rows);
  }

  /** The start tokens, to who waits for tokens. */
  async begin(): Promise<void> {
    await this.#plan.callbacks.streamer?.put(this.#rows.map((row) => [...row]));
  }

  /** Of the engine's turn: computes up to the next choice. */
  advance(maxFrames: number): Promise<WorkProgress> {
    return this.#handle.advance(maxFrames);
  }

  /** Not of the engine's turn: everything around a step's choice. */
  async settle(): Promise<void> {
    if (!this.#handle.waiting) {
      return;
    }
    await this.#keepResults();
    await this.#process();
    const tokens = await this.#handle.choose();
    for (const [row, token] of tokens.entries()) {
      this.#rows[row]?.push(BigInt(token));
    }
    const { outputs, criteria, streamer } = { ...this.#plan.callbacks, outputs: this.#plan.outputs };
    const scores = outputs?.scores || criteria.length > 0 ? await this.#read("scores") : undefined;
    if (outputs?.scores && scores !== undefined) {
      this.#records.scores.push(scores);
    }
    await this.#judge(scores);
    await streamer?.put(Array.from(tokens, (token) => [BigInt(token)]));
  }

  async finish(runner: EngineRunner): Promise<GenerateDecoderOnlyOutput | Tensor<"int64">> {
    await this.#plan.callbacks.streamer?.end();
    const sequences = toSequences(this.#handle.tokens());
    const { outputs } = this.#plan;
    return outputs === undefined ? sequences : toOutput(this.#handle, runner, sequences, this.#plan, this.#records);
  }

  async #keepResults(): Promise<void> {
    const { outputs } = this.#plan;
    const { layers } = this.#shape;
    if (outputs?.logits) {
      this.#records.logits.push(await this.#read("logits"));
    }
    if (outputs?.hiddenStates) {
      this.#records.hiddenStates.push(await this.#readLayers("hiddenState", layers + 1));
    }
    if (outputs?.attentions) {
      this.#records.attentions.push(await this.#readLayers("attention", layers));
    }
  }

  /** Callers' processors, in their order; where there is none, the scores stay where they are. */
  async #process(): Promise<void> {
    const { processors, prefixTokens } = this.#plan.callbacks;
    if (processors.length === 0 && prefixTokens === undefined) {
      return;
    }
    let scores = await this.#read("scores");
    if (prefixTokens !== undefined) {
      this.#allow(scores, prefixTokens);
    }
    for (const processor of processors) {
      const result = await processor(this.#copyRows(), scores);
      scores = checkScores(result, scores.dims);
    }
    await this.#handle.setScores(scores.data);
  }

  #allow(scores: Floats, prefixTokens: (row: number, tokens: bigint[]) => readonly (number | bigint)[]): void {
    for (const [row, tokens] of this.#rows.entries()) {
      const allowed: unknown = prefixTokens(row, [...tokens]);
      if (!Array.isArray(allowed) || allowed.length === 0) {
        throw invalidArgument(
          `\`prefix_allowed_tokens_fn\` returned an empty list for batch ID ${row}. This means that the constraint is ` +
            "unsatisfiable",
          "Allow at least one token.",
        );
      }
      const kept = new Set(allowed.map(Number));
      const { data } = scores.at(row);
      for (let token = 0; token < data.length; token++) {
        if (!kept.has(token)) {
          data[token] = Number.NEGATIVE_INFINITY;
        }
      }
    }
  }

  async #judge(scores: Floats | undefined): Promise<void> {
    const { criteria, maxTime } = this.#plan.callbacks;
    const before = this.#done.join();
    for (const criterion of criteria) {
      const verdict: unknown = await criterion(this.#copyRows(), scores as Floats);
      const isVerdict =
        typeof verdict === "boolean" ||
        (Array.isArray(verdict) &&
          verdict.length === this.#shape.rows &&
          verdict.every((row) => typeof row === "boolean"));
      if (!isVerdict) {
        throw invalidArgument(
          `stopping_criteria must give true or false, or one of them for each of ${this.#shape.rows} rows, not ` +
            show(verdict),
        );
      }
      for (let row = 0; row < this.#shape.rows; row++) {
        this.#done[row] = (this.#done[row] ?? 0) | Number(Array.isArray(verdict) ? verdict[row] : verdict);
      }
    }
    if (maxTime !== undefined && performance.now() - this.#start > maxTime * 1000) {
      this.#done.fill(1);
    }
    if (this.#done.join() !== before) {
      await this.#handle.finishRows(this.#done);
    }
  }

  #copyRows(): TokenRows {
    return this.#rows.map((row) => [...row]);
  }

  async #read(result: StepResult, index = 0, inner: readonly number[] = []): Promise<Floats> {
    const data = await this.#handle.read(result, index);
    const outer = [this.#shape.rows, ...inner];
    return new Tensor("float32", data, [...outer, data.length / outer.reduce((product, dim) => product * dim, 1)]);
  }

  async #readLayers(result: "hiddenState" | "attention", count: number): Promise<Floats[]> {
    const inner = result === "attention" ? [this.#shape.heads, 1] : [1];
    const tensors: Floats[] = [];
    for (let index = 0; index < count; index++) {
      tensors.push(await this.#read(result, index, inner));
    }
    return tensors;
  }
}

export async function toOutput(
  handle: GenerationHandle,
  runner: EngineRunner,
  sequences: Tensor<"int64">,
  { outputs }: GenerationPlan,
  records: Records = { scores: [], logits: [], attentions: [], hiddenStates: [] },
): Promise<GenerateDecoderOnlyOutput> {
  const cache = await handle.cache();
  return new GenerateDecoderOnlyOutput({
    sequences,
    scores: outputs?.scores ? records.scores : undefined,
    logits: outputs?.logits ? records.logits : undefined,
    attentions: outputs?.attentions ? records.attentions : undefined,
    hidden_states: outputs?.hiddenStates ? records.hiddenStates : undefined,
    past_key_values: DynamicCache.around(cache, await cache.info(), runner),
  } as Partial<GenerateDecoderOnlyOutput>);
}

export function toSequences(rows: readonly Int32Array[]): Tensor<"int64"> {
  const length = rows[0]?.length ?? 0;
  const data = new BigInt64Array(rows.length * length);
  for (const [index, row] of rows.entries()) {
    data.set(Array.from(row, BigInt), index * length);
  }
  return new Tensor("int64", data, [rows.length, length]);
}

function checkScores(result: TensorLike<"float32">, dims: readonly number[]): Floats {
  if (!Tensor.isLike(result) || result.type !== "float32" || result.dims.join() !== dims.join()) {
    const found = Tensor.isLike(result) ? `a ${result.type} tensor [${result.dims.join(", ")}]` : show(result);
    throw invalidArgument(`a logits_processor must give a float32 tensor [${dims.join(", ")}], not ${found}`);
  }
  return Tensor.from(result);
}
