/** Generations (kstt.h, kstt-generate.h) on one instance of the core. */
import type { GenerationParams, GenerationRules, StepResult, WorkProgress } from "../../../contract/backend.js";
import { CONSTANTS, STRUCTS } from "../layout.js";
import { CoreFailure, type CoreModule } from "./core-module.js";
import { type CoreEngine, checkInput } from "./engine-calls.js";
import type { CoreForwards } from "./forward-calls.js";
import type { CoreMemory, Scratch } from "./memory.js";
import { Pointers } from "./pointers.js";
import { readProgress } from "./values.js";

const RESULTS: Readonly<Record<StepResult, number>> = {
  logits: CONSTANTS.KSTT_STEP_LOGITS,
  scores: CONSTANTS.KSTT_STEP_SCORES,
  hiddenState: CONSTANTS.KSTT_STEP_HIDDEN_STATE,
  attention: CONSTANTS.KSTT_STEP_ATTENTION,
};

/** How a generation stands after a call. */
export interface GenerationState {
  readonly progress: WorkProgress;
  readonly waiting: boolean;
  /** Once finished. */
  readonly tokens: Int32Array[];
}

export class CoreGenerations {
  readonly #module: CoreModule;
  readonly #memory: CoreMemory;
  readonly #engine: CoreEngine;
  readonly #forwards: CoreForwards;
  readonly #generations = new Pointers("generation");

  constructor(module: CoreModule, memory: CoreMemory, engine: CoreEngine, forwards: CoreForwards) {
    this.#module = module;
    this.#memory = memory;
    this.#engine = engine;
    this.#forwards = forwards;
  }

  create(input: Float32Array, rows: number, samples: number, params: GenerationParams): number {
    checkInput(input, rows, samples);
    return this.#memory.scratch((scratch) => {
      const struct = scratch.struct(STRUCTS.kstt_generation_params);
      this.#module._kstt_generation_default_params(struct);
      this.#memory.write(STRUCTS.kstt_generation_params, struct, {
        max_new_tokens: params.maxNewTokens,
        audio_window_size: params.audioWindowSize,
      });
      const rules = params.rules === undefined ? 0 : this.#writeRules(scratch, params.rules);
      const out = scratch.zeros(4);
      const values = scratch.array(input);
      scratch.call(
        "_kstt_generation_create_with_rules",
        this.#engine.pointer,
        values,
        rows,
        samples,
        struct,
        rules,
        out,
      );
      return this.#generations.add(this.#memory.pointerAt(out), undefined);
    });
  }

  advance(id: number, maxFrames: number): GenerationState {
    const { pointer } = this.#generations.get(id);
    const progress = this.#memory.scratch((scratch) => {
      const struct = scratch.struct(STRUCTS.kstt_progress);
      scratch.call("_kstt_generation_advance", pointer, maxFrames, struct);
      return readProgress(this.#memory, struct);
    });
    const waiting = this.#module._kstt_generation_waiting(pointer) === 1;
    return { progress, waiting, tokens: progress.finished ? this.#tokens(pointer) : [] };
  }

  read(id: number, result: StepResult, index: number): Float32Array {
    const { pointer } = this.#generations.get(id);
    return this.#memory.scratch((scratch) => {
      const count = scratch.zeros(4);
      scratch.call("_kstt_generation_read", pointer, RESULTS[result], index, 0, 0, count);
      const size = this.#memory.pointerAt(count);
      const values = scratch.zeros(4 * size);
      scratch.call("_kstt_generation_read", pointer, RESULTS[result], index, values, size, count);
      return this.#memory.copyFloats(values, size);
    });
  }

  setScores(id: number, scores: Float32Array): void {
    const { pointer } = this.#generations.get(id);
    this.#memory.scratch((scratch) =>
      scratch.call("_kstt_generation_set_scores", pointer, scratch.array(scores), scores.length),
    );
  }

  choose(id: number): Int32Array {
    const { pointer } = this.#generations.get(id);
    const rows = this.#module._kstt_generation_n_rows(pointer);
    return this.#memory.scratch((scratch) => {
      const tokens = scratch.zeros(4 * rows);
      scratch.call("_kstt_generation_choose", pointer, tokens, rows);
      return this.#memory.copyInts(tokens, rows);
    });
  }

  finishRows(id: number, rows: Uint8Array): void {
    const { pointer } = this.#generations.get(id);
    this.#memory.scratch((scratch) =>
      scratch.call("_kstt_generation_finish_rows", pointer, scratch.array(rows), rows.length),
    );
  }

  cache(id: number): number {
    const { pointer } = this.#generations.get(id);
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(4);
      scratch.call("_kstt_generation_cache", pointer, out);
      return this.#forwards.adoptCache(this.#memory.pointerAt(out));
    });
  }

  free(id: number): void {
    this.#module._kstt_generation_free(this.#generations.take(id));
  }

  #tokens(generation: number): Int32Array[] {
    return this.#memory.scratch((scratch) => {
      const rows = this.#module._kstt_generation_n_rows(generation);
      const count = this.#module._kstt_generation_n_tokens(generation);
      const tokens = scratch.zeros(4 * rows * count);
      scratch.call("_kstt_generation_tokens", generation, tokens, rows * count);
      return Array.from({ length: rows }, (_, row) => this.#memory.copyInts(tokens + 4 * row * count, count));
    });
  }

  #writeRules(scratch: Scratch, rules: GenerationRules): number {
    const struct = scratch.struct(STRUCTS.kstt_generation_rules);
    this.#module._kstt_generation_default_rules(struct);
    this.#memory.write(STRUCTS.kstt_generation_rules, struct, {
      n_return: rules.sequences,
      pause: Number(rules.pause),
      record: Number(rules.record),
      hidden_states: Number(rules.hiddenStates),
      attentions: Number(rules.attentions),
      pad_id: rules.padId,
      biases: this.#writeSequences(scratch, rules.biases),
      n_biases: rules.biases.length,
      repetition_penalty: rules.repetitionPenalty,
      no_repeat_ngram: rules.noRepeatNgram,
      bad_words: this.#writeSequences(scratch, rules.badWords),
      n_bad_words: rules.badWords.length,
      eos: scratch.array(rules.eos),
      n_eos: rules.eos.length,
      min_length: rules.minLength,
      min_new_tokens: rules.minNewTokens,
      forced_bos: rules.forcedBos,
      forced_eos: scratch.array(rules.forcedEos),
      n_forced_eos: rules.forcedEos.length,
      remove_invalid: Number(rules.removeInvalid),
      decay_start: rules.decayStart,
      decay_factor: rules.decayFactor,
      suppress: scratch.array(rules.suppress),
      n_suppress: rules.suppress.length,
      begin_suppress: scratch.array(rules.beginSuppress),
      n_begin_suppress: rules.beginSuppress.length,
      sample: Number(rules.sample),
      temperature: rules.temperature,
      top_h: rules.topH,
      top_k: rules.topK,
      top_p: rules.topP,
      min_p: rules.minP,
      typical_p: rules.typicalP,
      epsilon_cutoff: rules.epsilonCutoff,
      eta_cutoff: rules.etaCutoff,
      renormalize: Number(rules.renormalize),
    });
    if (typeof rules.seed !== "bigint") {
      throw new CoreFailure(CONSTANTS.KSTT_STATUS_INVALID_ARGUMENT, "seed must be a BigInt of 64 bits");
    }
    // A number would lose its low bits.
    const { offset } = STRUCTS.kstt_generation_rules.fields.seed;
    this.#memory.view.setBigInt64(struct + offset, BigInt.asIntN(64, rules.seed), true);
    return struct;
  }

  #writeSequences(
    scratch: Scratch,
    sequences: readonly { readonly ids: Int32Array; readonly bias?: number }[],
  ): number {
    const { size } = STRUCTS.kstt_sequence;
    const table = scratch.zeros(size * sequences.length);
    for (const [index, { ids, bias }] of sequences.entries()) {
      const values = { ids: scratch.array(ids), n_ids: ids.length, bias: bias ?? 0 };
      this.#memory.write(STRUCTS.kstt_sequence, table + size * index, values);
    }
    return table;
  }
}
