/** One recording, through one session per channel: feeds them, collects their words, reports progress. */
import { decodeAudio } from "../audio/decode.js";
import type { AudioChunk, AudioNote, AudioSource } from "../audio/types.js";
import type { EngineInfo, SessionParams } from "../contract/backend.js";
import { SttError } from "../contract/errors.js";
import { untilAborted } from "../model/abort.js";
import { checkDuration } from "../model/audio-duration.js";
import { AudioStream, type StreamHost } from "./audio-stream.js";
import { type Channels, channelLabels } from "./channel-labels.js";
import type { Progress } from "./options.js";
import type { SlotQueue } from "./slot-queue.js";
import { ChannelTranscript, type TranscriptionEvent, type Turn, type Word } from "./transcript.js";

export interface Transcript {
  /** In the order of their starts. */
  readonly words: readonly Word[];
  /** When somebody spoke, and when not; with the option `turns`. */
  readonly turns?: readonly Turn[];
  /** Seconds. */
  readonly duration: number;
}

export interface TranscriptionRequest {
  readonly source: AudioSource;
  readonly params: SessionParams;
  /** Leave undefined to transcribe the mix. */
  readonly channels: Channels | undefined;
  readonly onNote: (note: AudioNote) => void;
  readonly onProgress: ((progress: Progress) => void) | undefined;
  readonly onEvent: ((event: TranscriptionEvent) => void) | undefined;
}

/** Audio decoded ahead of the computation: enough to keep it busy, little enough to hold in memory. */
const MAX_WAITING_SECONDS = 20;

/** Silence fed after the audio beyond the text delay (kstt_session_params.tail_seconds). */
const TAIL_SECONDS = 1;

export class Transcription {
  readonly #host: StreamHost;
  readonly #slots: SlotQueue;
  readonly #request: TranscriptionRequest;
  readonly #stop: AbortController;
  readonly #info: EngineInfo;
  readonly #transcripts: ChannelTranscript[] = [];
  readonly #streams: AudioStream[] = [];
  #failure: { readonly error: unknown } | undefined;
  #pushedSeconds = 0;
  #isEnded = false;
  #total: number | undefined;

  /** Aborting `stop` ends the run; a failure of the engine aborts it, too. */
  constructor(host: StreamHost, slots: SlotQueue, request: TranscriptionRequest, stop: AbortController) {
    this.#host = host;
    this.#slots = slots;
    this.#request = request;
    this.#stop = stop;
    this.#info = host.engine.info;
    this.#total = knownSeconds(request.source);
  }

  async run(): Promise<Transcript> {
    const { source, channels, onNote } = this.#request;
    const signal = this.#stop.signal;
    try {
      if (channels === undefined) {
        // Waits its turn before anything is opened or fetched.
        await this.#open([undefined]);
      }
      await this.#feed(decodeAudio(source, { signal, onNote, split: channels !== undefined }));
      const durations = await this.#unlessStopped(Promise.all(this.#transcripts.map(({ finished }) => finished)));
      return this.#result(Math.max(...durations));
    } catch (error) {
      throw this.#failure === undefined ? error : this.#failure.error;
    } finally {
      await Promise.all(this.#streams.map((stream) => stream.close()));
    }
  }

  #result(duration: number): Transcript {
    const byTime = <T>(items: readonly T[], time: (item: T) => number): T[] =>
      this.#transcripts.length === 1 ? [...items] : [...items].sort((a, b) => time(a) - time(b));
    const words = byTime(
      this.#transcripts.flatMap((transcript) => transcript.words),
      ({ start }) => start,
    );
    const turns = byTime(
      this.#transcripts.flatMap((transcript) => transcript.turns),
      ({ time }) => time,
    );
    return { words, duration, ...(this.#request.params.turn === null ? {} : { turns }) };
  }

  async #open(labels: readonly (string | undefined)[]): Promise<void> {
    const { params, onEvent } = this.#request;
    const { priority } = params;
    const slots = await this.#slots.acquire({ priority, count: labels.length, signal: this.#stop.signal });
    await Promise.all(
      labels.map(async (label, index) => {
        const transcript = new ChannelTranscript(label, onEvent, {
          onStep: () => this.#report(),
          onFail: (error) => this.#fail(error),
        });
        const stream = new AudioStream(this.#host, transcript, priority, MAX_WAITING_SECONDS);
        this.#transcripts.push(transcript);
        this.#streams.push(stream);
        const slot = slots[index];
        if (slot !== undefined) {
          await stream.start(slot, (engine) => engine.createSession(params));
        }
      }),
    );
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stop.abort(error);
  }

  async #feed(chunks: AsyncGenerator<AudioChunk>): Promise<void> {
    try {
      for (;;) {
        const next = await this.#unlessStopped(chunks.next());
        if (next.done) {
          break;
        }
        await this.#write(next.value);
      }
    } catch (error) {
      // Not awaited: a source that hangs would hang its return, too.
      chunks.return(undefined).catch(() => {});
      throw error;
    }
    checkDuration(this.#pushedSeconds);
    this.#isEnded = true;
    this.#total = this.#pushedSeconds;
    for (const stream of this.#streams) {
      stream.end();
    }
  }

  async #write({ samples, rate, channels }: AudioChunk): Promise<void> {
    const parts = this.#request.channels === undefined ? [samples] : (channels ?? []).map((part) => part.slice());
    if (this.#streams.length === 0) {
      await this.#open(this.#labels(parts.length));
    }
    this.#pushedSeconds += samples.length / rate;
    await this.#unlessStopped(
      Promise.all(parts.map((part, channel) => this.#streams[channel]?.write(part, rate) ?? Promise.resolve())),
    );
  }

  #labels(count: number): readonly string[] {
    const labels = channelLabels(this.#request.channels ?? "split", count);
    if (count > this.#slots.total) {
      throw new SttError(
        "ERR_NO_SLOT",
        `${count} channels need as many slots; the model was loaded with ${this.#slots.total}`,
        { remedy: `Load it with { slots: ${count} } or more.` },
      );
    }
    return labels;
  }

  #unlessStopped<T>(work: Promise<T>): Promise<T> {
    return untilAborted(work, this.#stop.signal);
  }

  #report(): void {
    const { onProgress } = this.#request;
    if (onProgress === undefined) {
      return;
    }
    const tail = this.#isEnded ? this.#info.delaySeconds + TAIL_SECONDS : 0;
    const waiting = Math.max(...this.#streams.map(({ waitingSeconds }) => waitingSeconds));
    const done = this.#pushedSeconds + tail - waiting;
    onProgress({
      stage: "transcribe",
      done: Math.min(Math.max(done, 0), this.#pushedSeconds),
      total: this.#total,
    });
  }
}

function knownSeconds(source: AudioSource): number | undefined {
  if (typeof source !== "object" || !("samples" in source)) {
    return undefined;
  }
  const { samples, rate } = source;
  const channel = samples instanceof Float32Array ? samples : samples[0];
  return channel === undefined ? undefined : channel.length / rate;
}
