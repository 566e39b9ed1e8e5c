import type { EngineHandle, SessionParams } from "../contract/backend.js";
import { SttError } from "../contract/errors.js";
import { abortError, throwIfAborted } from "../model/abort.js";
import { strictNotes } from "../model/audio-notes.js";
import { type BackendReport, loadEngine } from "../model/engine-loader.js";
import { disposedError } from "../model/engine-runner.js";
import { warn } from "../model/logger.js";
import { findModelPath, type ModelLocation, type ModelSource } from "../model/model-folder.js";
import { checkOptions, checkSignal, invalidArgument, show } from "../model/option-checks.js";
import { type Capacity, capacityOf, measureCapacity } from "./capacity.js";
import { type Channels, channelLabels, checkChannels } from "./channel-labels.js";
import { ChannelSession } from "./channel-session.js";
import type { LiveSession } from "./live-session.js";
import { engineSummary, type ModelInfo } from "./model-info.js";
import {
  checkLoadOptions,
  checkTranscribeOptions,
  type LoadOptions,
  sharedOptions,
  type TranscribeOptions,
  type TranscribeSource,
  toAudioSource,
  toHubOptions,
} from "./options.js";
import { encodePrompt } from "./prompt-text.js";
import { SessionManager } from "./session-manager.js";
import { checkSessionOptions, type SessionOptions, toSessionParams } from "./session-options.js";
import { type Transcript, Transcription } from "./transcription.js";

/** What transcribe() resolves to. */
export interface TranscriptionResult extends Transcript {
  /** All words, separated by spaces. */
  readonly text: string;
  /** Where it was computed. */
  readonly backend: BackendReport;
}

/** Of the object only: everything else is in the snapshot. */
export type RestoreOptions = Pick<SessionOptions, "rate" | "format" | "progress" | "maxQueuedSeconds" | "signal">;

/** Options of createChannelSession(): those of a session, and the channels. */
export interface ChannelSessionOptions extends SessionOptions {
  /** "split": left and right. */
  channels: Channels;
}

/** Live sessions that may wait for a slot. */
const DEFAULT_MAX_WAITING = 256;

/** Frees the engine of an object that was dropped without dispose(). */
const forgotten = new FinalizationRegistry<EngineHandle>((engine) => {
  engine.dispose().catch(() => {});
});

/**
 * A loaded model that turns recordings into timed words.
 *
 *     await using stt = await SpeechToText.load();
 *     const { text, words } = await stt.transcribe("recording.wav");
 */
export class SpeechToText {
  /** The model's folder or file. */
  readonly model: string;
  /** Where the model comes from; for one of the Hub: which repository and commit, and why that one. */
  readonly source: ModelSource;
  /** Where it runs, and which backends could not be used. */
  readonly backend: BackendReport;
  readonly #engine: EngineHandle;
  readonly #sessions: SessionManager;
  /** One controller per transcription under way, to stop it from inside. */
  readonly #running = new Map<AbortController, Promise<unknown>>();
  #disposal: Promise<void> | undefined;

  private constructor(source: ModelSource, engine: EngineHandle, backend: BackendReport, maxWaiting: number) {
    this.model = source.path;
    this.source = source;
    this.backend = backend;
    this.#engine = engine;
    this.#sessions = new SessionManager(engine, maxWaiting);
    forgotten.register(this, engine, this);
  }

  /**
   * Loads a checkpoint folder, a GGUF file that convertModel wrote, or a model of the Hub ("kyutai/stt-1b-en_fr"), which
   * is downloaded if need be; without `model`, the embedded digits model.
   *
   * Errors: ERR_INVALID_ARGUMENT, ERR_FILE_NOT_FOUND, ERR_FILE_ACCESS, ERR_MODEL_FORMAT, ERR_MODEL_UNSUPPORTED,
   * ERR_OUT_OF_MEMORY, ERR_BACKEND_UNAVAILABLE, ERR_ABORTED; of the Hub: ERR_HUB_NOT_FOUND, ERR_HUB_ACCESS,
   * ERR_HUB_OFFLINE, ERR_NETWORK, ERR_DOWNLOAD, ERR_DISK_FULL.
   */
  static async load(model?: ModelLocation, options: LoadOptions = {}): Promise<SpeechToText> {
    checkLoadOptions(options);
    const { backend, threads, slots = 1, codebooks, transformersCompat = false } = options;
    const { maxWaiting = DEFAULT_MAX_WAITING, signal, onProgress } = options;
    if (signal?.aborted) {
      throw abortError(signal);
    }
    const source = await findModelPath(model, toHubOptions(options));
    const loaded = await loadEngine({
      folder: source.path,
      backend,
      threads,
      slots,
      codebooks,
      transformersCompat,
      signal,
      onProgress: (done, total) => onProgress?.({ stage: "load", done, total }),
    });
    const stt = new SpeechToText(source, loaded.engine, loaded.report, maxWaiting);
    const { unusedSettings } = stt.info;
    if (unusedSettings.length > 0) {
      warn(
        `${source.path}: generation_config.json sets ${unusedSettings.join(", ")}, which transcription does not follow: it ` +
          "takes the likeliest token of every step. generate() does.",
      );
    }
    return stt;
  }

  /**
   * One recording. Calls may overlap: up to `slots` run at once, in one batch, the others wait their turn.
   *
   * Errors: ERR_INVALID_ARGUMENT, those of reading and decoding (ERR_FILE_NOT_FOUND, ERR_FILE_ACCESS, ERR_NETWORK,
   * ERR_INVALID_AUDIO, ERR_UNSUPPORTED_AUDIO), ERR_ABORTED (cause: signal.reason), ERR_DISPOSED. After any of them but
   * the last this object is as usable as before.
   */
  async transcribe(audio: TranscribeSource, options: TranscribeOptions = {}): Promise<TranscriptionResult> {
    checkTranscribeOptions(options);
    const source = toAudioSource(audio, options.rate);
    const { signal, onProgress, onEvent, channels, acceptTruncated = false } = options;
    this.#checkUsable(signal);
    const params = await this.#params({ ...sharedOptions(options), partials: onEvent !== undefined });
    this.#checkUsable(signal);
    const transcript = await this.#track(signal, (stop) => {
      const onNote = strictNotes(acceptTruncated, warn);
      const request = { source, params, channels, onNote, onProgress, onEvent };
      return new Transcription(this.#sessions.host, this.#sessions.slots, request, stop).run();
    });
    return { text: transcript.words.map((word) => word.text).join(" "), ...transcript, backend: this.backend };
  }

  /**
   * A live session: write() audio into it and iterate over its events. Up to `slots` sessions and recordings run at
   * once; another live session waits, before all recordings that wait, and takes audio up to its bound meanwhile.
   *
   * Errors: ERR_INVALID_ARGUMENT, ERR_NO_SLOT (more than `maxWaiting` wait), ERR_ABORTED, ERR_DISPOSED.
   */
  async createSession(options: SessionOptions = {}): Promise<LiveSession> {
    checkSessionOptions(options);
    this.#checkUsable(options.signal);
    const params = await this.#params(options);
    this.#checkUsable(options.signal);
    return only(await this.#sessions.open(1, options, (engine) => engine.createSession(params)));
  }

  /**
   * A session that goes on where LiveSession.snapshot() was taken, also in another process or on another machine, with
   * the options of the session it came from; `options` are those of the new object.
   *
   * Errors: ERR_INVALID_SNAPSHOT (damaged, or of another model), and as createSession().
   */
  async restoreSession(snapshot: Uint8Array, options: RestoreOptions = {}): Promise<LiveSession> {
    if (!(snapshot instanceof Uint8Array)) {
      throw invalidArgument(`'snapshot' must be a Uint8Array, not ${show(snapshot)}`);
    }
    checkOptions("restoreSession", options, ["rate", "format", "progress", "maxQueuedSeconds", "signal"]);
    checkSessionOptions(options);
    this.#checkUsable(options.signal);
    const bytes = snapshot.slice();
    return only(await this.#sessions.open(1, options, (engine) => engine.restoreSession(bytes)));
  }

  /**
   * A session per channel of one stream, for speakers who have a channel each; their words are merged by time.
   * `channels`: a name for each. All channels get their slots together; needs as many slots as channels.
   *
   * Errors: ERR_INVALID_ARGUMENT, ERR_NO_SLOT (fewer slots than channels, or more than `maxWaiting` wait), ERR_ABORTED,
   * ERR_DISPOSED.
   */
  async createChannelSession(options: ChannelSessionOptions): Promise<ChannelSession> {
    const { channels, ...own } = (options ?? {}) as ChannelSessionOptions;
    if (channels === undefined) {
      throw invalidArgument("createChannelSession needs 'channels'", 'For example { channels: ["agent", "caller"] }.');
    }
    checkChannels(channels);
    checkSessionOptions(own, "createChannelSession");
    this.#checkUsable(own.signal);
    const labels = channelLabels(channels, channels === "split" ? 2 : channels.length);
    const params = await this.#params(own);
    this.#checkUsable(own.signal);
    const sessions = await this.#sessions.open(labels.length, own, (engine) => engine.createSession(params));
    return new ChannelSession(new Map(labels.flatMap((label, index) => pair(label, sessions[index]))), own);
  }

  /** The model and the engine it runs in. */
  get info(): ModelInfo {
    return engineSummary(this.#engine.info);
  }

  /** Slots, what is taken, how long rounds took lately, and how many live streams this machine can follow. */
  capacity(): Capacity {
    this.#checkUsable(undefined);
    return capacityOf(this.#sessions);
  }

  /** capacity() after rounds of 1, 2, 4, ... sessions in all free slots: about 28 frames each. */
  async measureCapacity(options: { signal?: AbortSignal | undefined } = {}): Promise<Capacity> {
    checkOptions("measureCapacity", options, ["signal"]);
    checkSignal(options.signal);
    this.#checkUsable(options.signal);
    return this.#track(options.signal, (stop) => measureCapacity(this.#sessions, stop.signal));
  }

  /** True from dispose() on. */
  get disposed(): boolean {
    return this.#disposal !== undefined;
  }

  /** Frees the model. Transcriptions and sessions under way end with ERR_DISPOSED. */
  dispose(): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  /** dispose(). */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** Runs `work` so that the caller's signal and dispose() stop it; the error says which of them it was. */
  async #track<T>(signal: AbortSignal | undefined, work: (stop: AbortController) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const forward = (): void => controller.abort(signal?.reason);
    signal?.addEventListener("abort", forward, { once: true });
    const run = work(controller);
    this.#running.set(controller, run);
    try {
      return await run;
    } catch (error) {
      if (signal?.aborted) {
        throw abortError(signal);
      }
      throw this.disposed ? disposedError() : error;
    } finally {
      signal?.removeEventListener("abort", forward);
      this.#running.delete(controller);
    }
  }

  #checkUsable(signal: AbortSignal | undefined): void {
    if (this.disposed) {
      throw disposedError();
    }
    throwIfAborted(signal);
  }

  #params(options: SessionOptions): Promise<SessionParams> {
    return toSessionParams(options, (text) => encodePrompt(this.model, text));
  }

  async #dispose(): Promise<void> {
    forgotten.unregister(this);
    const runs = [...this.#running.values()];
    for (const controller of this.#running.keys()) {
      controller.abort();
    }
    await Promise.allSettled([...runs, this.#sessions.closeAll(disposedError())]);
    await this.#engine.dispose();
  }
}

function only<T>([first]: readonly T[]): T {
  if (first === undefined) {
    throw new SttError("ERR_INTERNAL", "no session was made");
  }
  return first;
}

function pair<K, V>(key: K, value: V | undefined): [K, V][] {
  return value === undefined ? [] : [[key, value]];
}
