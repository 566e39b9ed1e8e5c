/** kstt-session.h on one instance of the core. */
import type { SessionEvent, SessionParams } from "../../../contract/backend.js";
import { CONSTANTS, STRUCTS } from "../layout.js";
import type { SessionState } from "./calls.js";
import { CoreFailure, type CoreModule } from "./core-module.js";
import type { CoreMemory, Scratch, StructValues } from "./memory.js";
import { readEvent } from "./values.js";

/** Sessions by number, and what of them the host has been told. */
export class CoreSessions {
  readonly #module: CoreModule;
  readonly #memory: CoreMemory;
  readonly #sessions = new Map<number, { readonly pointer: number; ready: number }>();
  #made = 0;

  constructor(module: CoreModule, memory: CoreMemory) {
    this.#module = module;
    this.#memory = memory;
  }

  create(engine: number, params: SessionParams): number {
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(4);
      scratch.call("_kstt_session_create", engine, this.#writeParams(scratch, params), out);
      return this.#add(this.#memory.pointerAt(out));
    });
  }

  restore(engine: number, snapshot: Uint8Array): number {
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(4);
      scratch.call("_kstt_session_restore", engine, scratch.array(snapshot), snapshot.length, out);
      return this.#add(this.#memory.pointerAt(out));
    });
  }

  /** Frames that wait. */
  push(id: number, pcm: Float32Array, rate: number): number {
    const pointer = this.#pointer(id);
    this.#memory.scratch((scratch) => {
      scratch.call("_kstt_session_push_pcm", pointer, scratch.array(pcm), pcm.length, rate);
    });
    return this.#ready(pointer);
  }

  flush(id: number): void {
    this.#simple("_kstt_session_flush", id);
  }

  end(id: number): void {
    this.#simple("_kstt_session_end", id);
  }

  reset(id: number): void {
    this.#simple("_kstt_session_reset", id);
  }

  snapshot(id: number): Uint8Array {
    return this.#memory.scratch((scratch) => {
      const bytes = scratch.zeros(4);
      const size = scratch.zeros(4);
      scratch.call("_kstt_session_snapshot", this.#pointer(id), bytes, size);
      return this.#memory.copyBytes(this.#memory.pointerAt(bytes), this.#memory.pointerAt(size));
    });
  }

  free(id: number): void {
    this.#module._kstt_session_free(this.#pointer(id));
    this.#sessions.delete(id);
  }

  /** Takes all events out of the core; the sessions about which there is something new. */
  changes(): SessionState[] {
    if (this.#sessions.size === 0) {
      return [];
    }
    return this.#memory.scratch((scratch) => {
      const struct = scratch.struct(STRUCTS.kstt_event);
      const changes: SessionState[] = [];
      for (const [id, session] of this.#sessions) {
        const events = this.#poll(session.pointer, struct);
        const ready = this.#ready(session.pointer);
        if (events.length > 0 || ready !== session.ready) {
          session.ready = ready;
          changes.push({ id, ready, events });
        }
      }
      return changes;
    });
  }

  #poll(session: number, struct: number): SessionEvent[] {
    const events: SessionEvent[] = [];
    while (Number(this.#module._kstt_session_poll(session, struct)) === 1) {
      events.push(readEvent(this.#memory, struct));
    }
    return events;
  }

  #ready(session: number): number {
    return Number(this.#module._kstt_session_n_ready(session));
  }

  #add(pointer: number): number {
    const id = ++this.#made;
    this.#sessions.set(id, { pointer, ready: 0 });
    return id;
  }

  #pointer(id: number): number {
    const session = this.#sessions.get(id);
    if (session === undefined) {
      throw new CoreFailure(CONSTANTS.KSTT_STATUS_INTERNAL, `there is no session ${id}`);
    }
    return session.pointer;
  }

  #simple(name: "_kstt_session_flush" | "_kstt_session_end" | "_kstt_session_reset", id: number): void {
    const pointer = this.#pointer(id);
    this.#memory.scratch((scratch) => scratch.call(name, pointer));
  }

  #writeParams(scratch: Scratch, params: SessionParams): number {
    const struct = scratch.struct(STRUCTS.kstt_session_params);
    this.#module._kstt_session_default_params(struct);
    const { turn, refresh, prompt, bannedTokens, allowedTokens } = params;
    const write = (values: Partial<StructValues<(typeof STRUCTS)["kstt_session_params"]>>): void =>
      this.#memory.write(STRUCTS.kstt_session_params, struct, values);
    write({
      prefix_seconds: params.prefixSeconds,
      tail_seconds: params.tailSeconds,
      priority: params.priority === "live" ? CONSTANTS.KSTT_PRIORITY_LIVE : CONSTANTS.KSTT_PRIORITY_FILE,
      emit_tokens: Number(params.emitTokens),
      emit_vad: Number(params.emitVad),
      emit_partials: Number(params.emitPartials),
      times: params.times === "engine" ? CONSTANTS.KSTT_TIMES_ENGINE : CONSTANTS.KSTT_TIMES_MOSHI_SERVER,
      moshi_delay_steps: params.moshiDelaySteps,
      detect_turns: Number(turn !== null),
      refresh: Number(refresh !== null),
      banned_tokens: scratch.array(bannedTokens),
      n_banned_tokens: bannedTokens.length,
      allowed_tokens: scratch.array(allowedTokens),
      n_allowed_tokens: allowedTokens.length,
    });
    if (turn !== null) {
      write({
        turn_head: turn.head,
        turn_pause_threshold: turn.pauseThreshold,
        turn_speech_threshold: turn.speechThreshold,
        turn_smoothing_seconds: turn.smoothingSeconds,
        turn_pause_seconds: turn.pauseSeconds,
      });
    }
    if (refresh !== null) {
      write({
        refresh_pause_steps: refresh.pauseSteps,
        refresh_limit_steps: refresh.limitSteps,
        refresh_replay_steps: refresh.replaySteps,
      });
    }
    if (prompt !== null) {
      write({
        prompt_tokens: scratch.array(prompt.tokens),
        n_prompt_tokens: prompt.tokens.length,
        prompt_pcm: scratch.array(prompt.pcm),
        n_prompt_samples: prompt.pcm.length,
        prompt_rate: prompt.rate,
      });
    }
    return struct;
  }
}
