/** The fake backend's codec: a decoded sample follows from the codes of its frame, streams count columns. */
import { Lifecycle } from "../../ts/backend/lifecycle.js";
import { codedError } from "../../ts/backend/status-error.js";
import type { CodecHalf, CodecStreamHandle, WorkProgress } from "../../ts/contract/backend.js";

const COLUMNS_PER_FRAME = 2;

interface Work {
  advance(maxFrames: number): Promise<WorkProgress>;
  assertFinished(): void;
  dispose(): Promise<void>;
}

export class FakeCodecStream implements CodecStreamHandle {
  readonly half: CodecHalf;
  readonly rows: number;
  readonly #life: Lifecycle;
  #columns = 0;
  #taken = false;

  constructor(half: CodecHalf, rows: number, engine?: Lifecycle) {
    this.half = half;
    this.rows = rows;
    this.#life = new Lifecycle("codec stream", async () => {}, engine);
  }

  columns(): number {
    this.#life.assertOpen();
    return this.#columns;
  }

  restart(cache: "attention" | "convolutions"): void {
    this.take();
    this.#taken = false;
    if (cache === "attention") {
      this.#columns = 0;
    }
  }

  take(): void {
    this.#life.assertOpen();
    if (this.#taken) {
      throw codedError("ERR_INVALID_STATE", "a piece of this stream is under way, or was given up half way");
    }
    this.#taken = true;
  }

  giveBack(frames: number): void {
    this.#columns += frames * COLUMNS_PER_FRAME;
    this.#taken = false;
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }
}

/** Work that holds its stream until it is finished. */
export function takeStream(
  stream: CodecStreamHandle | undefined,
  half: CodecHalf,
  piece: { rows: number; frames: number; whole: boolean },
  make: () => Work,
): Work {
  if (stream === undefined) {
    return make();
  }
  if (!(stream instanceof FakeCodecStream) || stream.half !== half || stream.rows !== piece.rows || !piece.whole) {
    throw codedError("ERR_INVALID_ARGUMENT", "the piece does not fit its stream");
  }
  stream.take();
  const work = make();
  let finished = false;
  return {
    ...work,
    advance: async (maxFrames) => {
      const progress = await work.advance(maxFrames);
      if (progress.finished && !finished) {
        finished = true;
        stream.giveBack(piece.frames);
      }
      return progress;
    },
  };
}

/** [rows][frames * frameSize]: every sample of a frame is the sum of its codes, divided by 2^15. */
export function fakeAudio(
  codes: Int32Array,
  shape: { rows: number; quantizers: number; frames: number; frameSize: number },
): Float32Array {
  const { rows, quantizers, frames, frameSize } = shape;
  const audio = new Float32Array(rows * frames * frameSize);
  for (let row = 0; row < rows; row++) {
    for (let frame = 0; frame < frames; frame++) {
      let sum = 0;
      for (let quantizer = 0; quantizer < quantizers; quantizer++) {
        sum += codes[(row * quantizers + quantizer) * frames + frame] ?? 0;
      }
      const start = (row * frames + frame) * frameSize;
      audio.fill(sum / 2 ** 15, start, start + frameSize);
    }
  }
  return audio;
}
