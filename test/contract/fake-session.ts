/** The fake backend's session: one token per frame, loud ones are words; silence is a pause. */
import type { Lifecycle } from "../../ts/backend/lifecycle.js";
import { codedError } from "../../ts/backend/status-error.js";
import type { EngineInfo, SessionEvent, SessionHandle, SessionParams } from "../../ts/contract/backend.js";
import { type FakeItem, FakeTimeline } from "./fake-timeline.js";

const FIRST_WORD_TOKEN = 64;
const FIRST_BYTES = "fake snapshot 1\n";

export type TokenOf = (frame: Float32Array) => number;
type Frame = Extract<FakeItem, { kind: "frame" }>;

export class FakeSession implements SessionHandle {
  readonly #info: EngineInfo;
  readonly #params: SessionParams;
  readonly #tokenOf: TokenOf;
  readonly #life: Lifecycle;
  readonly #audio: FakeTimeline;
  #state = { events: [] as SessionEvent[], step: 0, age: 0, quiet: 0, isSpeaking: false };

  constructor(info: EngineInfo, params: SessionParams, tokenOf: TokenOf, makeLife: (release: () => void) => Lifecycle) {
    this.#info = info;
    this.#params = params;
    this.#tokenOf = tokenOf;
    this.#audio = new FakeTimeline(info.sampleRate, info.frameSize);
    checkTokens(params, info);
    this.#life = makeLife(() => this.#clear());
  }

  get priority() {
    return this.#params.priority;
  }

  pushPcm(pcm: Float32Array, rate: number): Promise<number> {
    return this.#life.run(() => {
      this.#audio.push(pcm, rate);
      return this.ready;
    });
  }

  flush(): Promise<void> {
    return this.#life.run(() => this.#mark("flushed", this.#info.delaySeconds));
  }

  end(): Promise<void> {
    const { tailSeconds } = this.#params;
    return this.#life.run(() => this.#mark("end", tailSeconds < 0 ? this.#info.delaySeconds + 1 : tailSeconds));
  }

  reset(): Promise<void> {
    return this.#life.run(() => this.#clear());
  }

  snapshot(): Promise<Uint8Array> {
    return this.#life.run(() => {
      const params = { ...this.#params, prompt: null, bannedTokens: [...this.#params.bannedTokens] };
      const content = { params, audio: this.#audio.state, state: this.#state };
      return new TextEncoder().encode(FIRST_BYTES + JSON.stringify(content));
    });
  }

  /** Parameters of a snapshot, and a function that puts the rest into a session made with them. */
  static open(snapshot: Uint8Array): { params: SessionParams; fill: (session: FakeSession) => void } {
    const text = new TextDecoder().decode(snapshot);
    try {
      if (!text.startsWith(FIRST_BYTES)) {
        throw new Error("it begins otherwise");
      }
      const { params, audio, state } = JSON.parse(text.slice(FIRST_BYTES.length));
      params.bannedTokens = Int32Array.from(params.bannedTokens);
      params.allowedTokens = new Int32Array();
      const fill = (session: FakeSession) => {
        session.#audio.state = audio;
        session.#state = state;
      };
      return { params, fill };
    } catch (cause) {
      throw codedError("ERR_INVALID_SNAPSHOT", `the bytes are no snapshot: ${cause}`);
    }
  }

  get ready(): number {
    return this.#life.disposed ? 0 : this.#audio.frames;
  }

  poll(): SessionEvent[] {
    this.#life.assertOpen();
    return this.#state.events.splice(0);
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }

  /** One decoder step; false when no frame was ready. */
  step(): boolean {
    const [item] = this.#audio.state.items;
    if (item?.kind !== "frame") {
      return false;
    }
    this.#audio.state.items.shift();
    this.#take(item);
    this.#passMarks();
    return true;
  }

  #take(frame: Frame): void {
    const { events } = this.#state;
    const { bannedTokens, emitPartials, emitTokens, refresh } = this.#params;
    const heard = this.#tokenOf(Float32Array.from(frame.samples));
    const token = bannedTokens.includes(heard) ? this.#info.padTokenId : heard;
    if (emitTokens) {
      events.push({ type: "token", token, step: this.#state.step });
    }
    this.#detectTurn(frame);
    if (token >= FIRST_WORD_TOKEN) {
      const word = {
        text: `w${token}`,
        start: frame.time,
        end: frame.time + 1 / this.#info.frameRate,
        confidence: 0.5,
      };
      if (this.#params.times === "moshi_server") {
        events.push(
          { type: "moshiWord", text: word.text, start: word.start },
          { type: "moshiEndWord", stop: word.end },
        );
      } else {
        events.push(...(emitPartials ? [{ ...word, type: "partial" as const }] : []), { ...word, type: "word" });
      }
    }
    this.#state.step++;
    this.#state.age++;
    if (refresh !== null && this.#state.age >= (refresh.limitSteps || 2 * this.#info.window)) {
      this.#state.age = 0;
      events.push({ type: "refresh", time: frame.time, reason: "limit" });
    }
  }

  #detectTurn(frame: Frame): void {
    const { turn } = this.#params;
    if (turn === null || !frame.isAudio) {
      return;
    }
    const isLoud = frame.samples.some((sample) => Math.abs(sample) > 0.01);
    this.#state.quiet = isLoud ? 0 : this.#state.quiet + 1;
    const isPause = this.#state.quiet / this.#info.frameRate >= turn.pauseSeconds;
    const heard = frame.time + 1 / this.#info.frameRate;
    if (isLoud !== this.#state.isSpeaking && (isLoud || isPause)) {
      this.#state.isSpeaking = isLoud;
      const time = isLoud ? frame.time : heard - this.#state.quiet / this.#info.frameRate;
      this.#state.events.push({
        type: isLoud ? "speech" : "pause",
        time,
        heard,
        probability: 0.9,
        source: "tokens",
      });
    }
  }

  #mark(kind: "flushed" | "end", silence: number): void {
    if (kind === "end" && this.#audio.state.isEnded) {
      return;
    }
    this.#audio.mark(kind, Math.ceil(silence * this.#info.sampleRate));
    this.#passMarks();
  }

  #passMarks(): void {
    for (let [item] = this.#audio.state.items; item !== undefined; [item] = this.#audio.state.items) {
      if (item.kind === "frame") {
        return;
      }
      this.#audio.state.items.shift();
      this.#state.events.push(
        item.kind === "end" ? { type: "end", duration: item.time } : { type: "flushed", time: item.time },
      );
    }
  }

  #clear(): void {
    this.#audio.clear();
    this.#state = { events: [], step: 0, age: 0, quiet: 0, isSpeaking: false };
  }
}

function checkTokens(params: SessionParams, info: EngineInfo): void {
  const ids = [...params.bannedTokens, ...params.allowedTokens, ...(params.prompt?.tokens ?? [])];
  if (ids.some((id) => id < 0 || id >= info.vocabSize - 1) || params.bannedTokens.includes(info.padTokenId)) {
    throw codedError("ERR_INVALID_ARGUMENT", "a token that the model does not have, or a banned pad");
  }
}
