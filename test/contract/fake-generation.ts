/** The stepwise half of generations without a model: the rows' tokens are known, and score highest. */
import { Lifecycle } from "../../ts/backend/lifecycle.js";
import { codedError } from "../../ts/backend/status-error.js";
import type {
  CacheHandle,
  EngineInfo,
  GenerationHandle,
  GenerationRules,
  StepResult,
  WorkProgress,
} from "../../ts/contract/backend.js";
import { FakeCache, HEADS } from "./fake-forward.js";

/** Of every step of every row. */
export type KnownTokens = readonly (readonly number[])[];

type Advance = (maxFrames: number) => Promise<WorkProgress>;

export class FakeGeneration implements GenerationHandle {
  readonly #life: Lifecycle;
  readonly #engine: Lifecycle;
  readonly #info: EngineInfo;
  readonly #known: KnownTokens;
  readonly #rules: GenerationRules | undefined;
  readonly #advanceAll: Advance;
  readonly #steps: number;
  readonly #rows: number[][];
  readonly #done: number[];
  #logits: number[][] = [];
  #scores: number[][] = [];
  #plainDone = false;
  waiting = false;

  /** `advance` does the work of a generation without rules. */
  constructor(
    engine: Lifecycle,
    info: EngineInfo,
    known: KnownTokens,
    rules: GenerationRules | undefined,
    advance: Advance,
  ) {
    const sequences = rules?.sequences ?? 1;
    this.#engine = engine;
    this.#life = new Lifecycle("generation", async () => {}, engine);
    this.#info = info;
    this.#known = known.flatMap((row) => Array.from({ length: sequences }, () => row));
    this.#rules = rules;
    this.#advanceAll = advance;
    this.#steps = this.#known[0]?.length ?? 0;
    this.#rows = this.#known.map(() => [info.bosTokenId]);
    this.#done = this.#known.map(() => 0);
    for (const id of [...(rules?.suppress ?? []), ...(rules?.eos ?? [])]) {
      if (id < 0 || id >= info.vocabSize) {
        throw codedError("ERR_INVALID_ARGUMENT", `the id ${id} is no token`);
      }
    }
  }

  get #step(): number {
    return (this.#rows[0]?.length ?? 1) - 1;
  }

  get #finished(): boolean {
    return this.#plainDone || this.#step === this.#steps || this.#done.every((done) => done === 1);
  }

  advance(maxFrames: number): Promise<WorkProgress> {
    return this.#life.run(async () => {
      if (this.#rules === undefined) {
        const progress = await this.#advanceAll(maxFrames);
        this.#plainDone = progress.finished;
        if (progress.finished) {
          for (const [row, tokens] of this.#known.entries()) {
            this.#rows[row] = [this.#info.bosTokenId, ...tokens];
          }
        }
        return progress;
      }
      await this.#advanceAll(1);
      while (!this.#finished && !this.waiting) {
        this.#prepare(this.#rules);
        if (!this.#rules.pause) {
          this.#choose();
        }
      }
      const total = this.#steps * this.#rows.length;
      return { done: this.#finished ? total : this.#step * this.#rows.length, total, finished: this.#finished };
    });
  }

  tokens(): Int32Array[] {
    this.#life.assertOpen();
    if (!this.#finished) {
      throw codedError("ERR_INVALID_STATE", "the generation is not finished");
    }
    return this.#rows.map((row) => Int32Array.from(row));
  }

  read(result: StepResult, index: number): Promise<Float32Array> {
    return this.#life.run(() => {
      const rows = this.#rows.length;
      const { numLayers, hiddenSize } = this.#info;
      if (result === "logits" || result === "scores") {
        const values = result === "logits" ? this.#logits : this.#scores;
        if (values.length === 0) {
          throw codedError("ERR_INVALID_STATE", "no step has kept its scores yet");
        }
        return Float32Array.from(values.flat());
      }
      if (!this.#rules?.record || this.#logits.length === 0) {
        throw codedError("ERR_INVALID_STATE", "this generation records nothing, or no step is done yet");
      }
      if (result === "hiddenState" && index >= 0 && index <= numLayers) {
        return new Float32Array(rows * hiddenSize).fill(index);
      }
      if (result === "attention" && index >= 0 && index < numLayers) {
        return new Float32Array(rows * HEADS * (this.#step + 1)).fill(1 / (this.#step + 1));
      }
      throw codedError("ERR_INVALID_ARGUMENT", `there is no ${result} ${index}`);
    });
  }

  setScores(scores: Float32Array): Promise<void> {
    return this.#life.run(() => {
      this.#checkWaiting();
      const width = this.#info.vocabSize;
      if (scores.length !== this.#rows.length * width || scores.some(Number.isNaN)) {
        throw codedError("ERR_INVALID_ARGUMENT", "scores must be numbers, one per row and token");
      }
      this.#scores = this.#rows.map((_, row) => [...scores.subarray(row * width, (row + 1) * width)]);
    });
  }

  choose(): Promise<Int32Array> {
    return this.#life.run(() => {
      this.#checkWaiting();
      return this.#choose();
    });
  }

  finishRows(rows: Uint8Array): Promise<void> {
    return this.#life.run(() => {
      if (rows.length !== this.#rows.length) {
        throw codedError("ERR_INVALID_ARGUMENT", `there are ${this.#rows.length} rows to finish`);
      }
      for (const [row, done] of rows.entries()) {
        this.#done[row] = (this.#done[row] ?? 0) | done;
      }
    });
  }

  cache(): Promise<CacheHandle> {
    return this.#life.run(() => {
      if (!this.#rules?.record || !this.#finished) {
        throw codedError("ERR_INVALID_STATE", "this generation records nothing, or is not finished");
      }
      const cache = new FakeCache(this.#engine, this.#info, this.#rows.length, -1);
      cache.append(this.#rows.map((row) => row.slice(0, -1)));
      return cache;
    });
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }

  #prepare(rules: GenerationRules): void {
    this.#logits = this.#known.map((row) =>
      Array.from({ length: this.#info.vocabSize }, (_, token) => (token === row[this.#step] ? 5 : 1 / (token + 1))),
    );
    this.#scores = this.#logits.map((row) =>
      row.map((score, token) => (rules.suppress.includes(token) ? Number.NEGATIVE_INFINITY : score)),
    );
    this.waiting = true;
  }

  /** Whatever the seed: the fake always finds the best score the likeliest. */
  #choose(): Int32Array {
    const eos = this.#rules?.eos ?? new Int32Array();
    const tokens = this.#scores.map((scores, row) => {
      const best = scores.indexOf(Math.max(...scores));
      const isPadded = this.#done[row] === 1 && eos.length > 0;
      return isPadded ? Math.max(this.#rules?.padId ?? 0, 0) : best;
    });
    for (const [row, token] of tokens.entries()) {
      this.#rows[row]?.push(token);
      this.#done[row] = (this.#done[row] ?? 0) | Number(eos.includes(token));
    }
    this.waiting = false;
    return Int32Array.from(tokens);
  }

  #checkWaiting(): void {
    if (!this.waiting) {
      throw codedError("ERR_INVALID_STATE", "no step waits for its choice");
    }
  }
}
