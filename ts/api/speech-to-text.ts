import type { EngineHandle, SessionHandle } from "../contract/backend.js";
import { DEFAULT_SESSION } from "../contract/session.js";
import { abortError } from "../model/abort.js";
import { strictNotes } from "../model/audio-notes.js";
import { type BackendReport, loadEngine } from "../model/engine-loader.js";
import { disposedError } from "../model/engine-runner.js";
import { warn } from "../model/logger.js";
import { findModelPath, type ModelLocation, type ModelSource } from "../model/model-folder.js";
import {
  checkLoadOptions,
  checkTranscribeOptions,
  type LoadOptions,
  type TranscribeOptions,
  type TranscribeSource,
  toAudioSource,
  toHubOptions,
} from "./options.js";
import { Pump } from "./pump.js";
import { SlotQueue } from "./slot-queue.js";
import { type Transcript, Transcription } from "./transcription.js";

export interface TranscriptionResult extends Transcript {
  /** All words, separated by spaces. */
  readonly text: string;
  /** Where it was computed. */
  readonly backend: BackendReport;
}

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
  readonly #pump: Pump;
  readonly #slots: SlotQueue;
  /** One controller per transcription under way, to stop it from inside. */
  readonly #running = new Map<AbortController, Promise<unknown>>();
  #disposal: Promise<void> | undefined;

  private constructor(source: ModelSource, engine: EngineHandle, backend: BackendReport) {
    this.model = source.path;
    this.source = source;
    this.backend = backend;
    this.#engine = engine;
    this.#pump = new Pump(engine);
    this.#slots = new SlotQueue(engine.info.slots);
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
    const { backend, threads, slots = 1, codebooks, transformersCompat, signal, onProgress } = options;
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
    return new SpeechToText(source, loaded.engine, loaded.report);
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
    const { signal, onProgress, acceptTruncated = false } = options;
    if (this.disposed) {
      throw disposedError();
    }
    if (signal?.aborted) {
      throw abortError(signal);
    }
    const { words, duration } = await this.#track(signal, (stop) =>
      this.#withSession(stop.signal, (session) =>
        new Transcription(session, this.#pump, this.#engine.info, stop, onProgress).run(
          source,
          strictNotes(acceptTruncated, warn),
        ),
      ),
    );
    return { text: words.map((word) => word.text).join(" "), words, duration, backend: this.backend };
  }

  get disposed(): boolean {
    return this.#disposal !== undefined;
  }

  /** Frees the model. Transcriptions under way reject with ERR_DISPOSED. */
  dispose(): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

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

  async #withSession<T>(stop: AbortSignal, work: (session: SessionHandle) => Promise<T>): Promise<T> {
    await this.#slots.acquire(stop);
    try {
      // Negative: the model's own prefix and tail.
      const session = await this.#engine.createSession({ ...DEFAULT_SESSION, priority: "file" });
      try {
        return await work(session);
      } finally {
        await session.dispose();
      }
    } finally {
      this.#slots.release();
    }
  }

  async #dispose(): Promise<void> {
    forgotten.unregister(this);
    const runs = [...this.#running.values()];
    for (const controller of this.#running.keys()) {
      controller.abort();
    }
    await Promise.allSettled(runs);
    await this.#pump.idle();
    await this.#engine.dispose();
  }
}
