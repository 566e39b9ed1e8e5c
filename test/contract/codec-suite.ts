/** Decodings and codec streams. */
import { expect, test } from "vitest";
import type { CodecStreamHandle, EngineHandle } from "../../ts/contract/backend.js";
import { engineOf, expectCode, finish, frames, type Subject } from "./subject.js";

const FRAMES = 30;

export function testCodec(subject: Subject): void {
  const withEngine = engineOf(subject);

  test("decoded audio is [rows][samples] and not silence", () =>
    withEngine(1, async (engine) => {
      const decoding = await engine.createDecoding(codesFor(engine, 2), 2, engine.info.numQuantizers, FRAMES);
      await expectCode(() => decoding.audio(), "ERR_INVALID_STATE");
      await finish(decoding, 3);
      const audio = decoding.audio();
      expect(audio).toHaveLength(2 * FRAMES * engine.info.frameSize);
      expect(audio.every(Number.isFinite)).toBe(true);
      expect(audio.some((sample) => Math.abs(sample) > 1e-4)).toBe(true);
    }));

  test("rows of a batch are what they are alone", () =>
    withEngine(1, async (engine) => {
      const codes = codesFor(engine, 2);
      const both = await decode(engine, codes, 2);
      const half = codes.length / 2;
      const alone = [await decode(engine, codes.subarray(0, half), 1), await decode(engine, codes.subarray(half), 1)];
      expect(both).toEqual(Float32Array.from(alone.flatMap((row) => [...row])));
    }));

  test("pieces of a stream are the whole, in both halves", () =>
    withEngine(1, async (engine) => {
      const { frameSize } = engine.info;
      const codes = codesFor(engine, 1);
      const decoder = await engine.createCodecStream("decoder", 1);
      const audio: number[] = [];
      for (const [start, end] of [
        [0, 1],
        [1, 20],
        [20, FRAMES],
      ] as const) {
        audio.push(...(await decode(engine, cut(codes, start, end), 1, decoder)));
        expect(decoder.columns()).toBe(2 * end);
      }
      expect(Float32Array.from(audio)).toEqual(await decode(engine, codes, 1));

      const input = frames(engine, FRAMES);
      const encoder = await engine.createCodecStream("encoder", 1);
      const whole = await encode(engine, input);
      const first = await encode(engine, input.subarray(0, 7 * frameSize), encoder);
      const rest = await encode(engine, input.subarray(7 * frameSize), encoder);
      expect(first.map((codebook, index) => Int32Array.of(...codebook, ...(rest[index] ?? [])))).toEqual(whole);
    }));

  test("a cache that begins anew forgets what it saw", () =>
    withEngine(1, async (engine) => {
      const codes = codesFor(engine, 1);
      const stream = await engine.createCodecStream("decoder", 1);
      const fresh = await decode(engine, codes, 1, stream);
      stream.restart("convolutions");
      expect(stream.columns()).toBe(2 * FRAMES);
      stream.restart("attention");
      expect(stream.columns()).toBe(0);
      expect(await decode(engine, codes, 1, stream)).toEqual(fresh);
    }));

  test("one piece at a time, and none after one that was given up", () =>
    withEngine(1, async (engine) => {
      const codes = codesFor(engine, 1);
      const { numQuantizers } = engine.info;
      const stream = await engine.createCodecStream("decoder", 1);
      const piece = () => engine.createDecoding(codes, 1, numQuantizers, FRAMES, stream);
      const decoding = await piece();
      await expectCode(piece(), "ERR_INVALID_STATE");
      await expectCode(() => stream.restart("attention"), "ERR_INVALID_STATE");
      await decoding.dispose();
      await expectCode(piece(), "ERR_INVALID_STATE");
    }));

  test("what does not fit is refused", () =>
    withEngine(1, async (engine) => {
      const { codebookSize, frameSize, numQuantizers } = engine.info;
      const codes = codesFor(engine, 1);
      const wrong = codes.slice();
      wrong[5] = codebookSize;
      const more = new Int32Array(numQuantizers + 1);
      const encoder = await engine.createCodecStream("encoder", 1);
      const decoder = await engine.createCodecStream("decoder", 2);
      for (const attempt of [
        () => engine.createDecoding(wrong, 1, numQuantizers, FRAMES),
        () => engine.createDecoding(codes, 2, numQuantizers, FRAMES),
        () => engine.createDecoding(more, 1, numQuantizers + 1, 1),
        () => engine.createDecoding(codes, 1, numQuantizers, FRAMES, encoder),
        () => engine.createDecoding(codes, 1, numQuantizers, FRAMES, decoder),
        () => engine.createEncoding(new Float32Array(frameSize + 1), 1, frameSize + 1, encoder),
        () => engine.createEncoding(new Float32Array(2 * frameSize), 2, frameSize, encoder),
      ]) {
        await expectCode(attempt(), "ERR_INVALID_ARGUMENT");
      }
    }));

  test("after dispose a stream and its pieces are refused", () =>
    withEngine(1, async (engine) => {
      const codes = codesFor(engine, 1);
      const stream = await engine.createCodecStream("decoder", 1);
      await stream.dispose();
      await expectCode(() => stream.columns(), "ERR_DISPOSED");
      await expectCode(decode(engine, codes, 1, stream), "ERR_DISPOSED");
      const left = await engine.createCodecStream("encoder", 1);
      await engine.dispose();
      await expectCode(() => left.restart("attention"), "ERR_DISPOSED");
      await expectCode(engine.createCodecStream("encoder", 1), "ERR_DISPOSED");
    }));
}

/** [rows][quantizers][FRAMES], every codebook entry likely. */
function codesFor(engine: EngineHandle, rows: number): Int32Array {
  const { codebookSize, numQuantizers } = engine.info;
  let state = 7;
  return Int32Array.from({ length: rows * numQuantizers * FRAMES }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 16) % codebookSize;
  });
}

/** Frames of every codebook of one row. */
function cut(codes: Int32Array, start: number, end: number): Int32Array {
  const lists = Array.from({ length: codes.length / FRAMES }, (_, list) =>
    codes.subarray(list * FRAMES + start, list * FRAMES + end),
  );
  return Int32Array.from(lists.flatMap((list) => [...list]));
}

async function decode(
  engine: EngineHandle,
  codes: Int32Array,
  rows: number,
  stream?: CodecStreamHandle,
): Promise<Float32Array> {
  const { numQuantizers } = engine.info;
  const length = codes.length / rows / numQuantizers;
  const decoding = await engine.createDecoding(codes, rows, numQuantizers, length, stream);
  await finish(decoding);
  const audio = decoding.audio();
  await decoding.dispose();
  return audio;
}

/** Codes of the only row. */
async function encode(engine: EngineHandle, input: Float32Array, stream?: CodecStreamHandle): Promise<Int32Array[]> {
  const encoding = await engine.createEncoding(input, 1, input.length, stream);
  await finish(encoding);
  const [codes = []] = encoding.codes();
  await encoding.dispose();
  return codes;
}
