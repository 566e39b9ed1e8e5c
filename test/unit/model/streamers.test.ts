import { describe, expect, it } from "vitest";
import { TextStreamer, type TextStreamerOptions } from "../../../ts/model/streamers.js";
import { expectCode } from "../../contract/subject.js";

const PIECES = ["<s>", " he", "llo", " wor", "ld", "\n", " again"];
const tokenizer = {
  decode: (ids: readonly bigint[], { skip_special_tokens }: { skip_special_tokens: boolean }) =>
    ids
      .filter((id) => !(skip_special_tokens && id === 0n))
      .map((id) => PIECES[Number(id)])
      .join("")
      .trimStart(),
};

function stream(tokens: number[], options: TextStreamerOptions = {}): string[] {
  const told: string[] = [];
  const streamer = new TextStreamer(tokenizer, { ...options, callback_function: (text) => told.push(text) });
  for (const token of tokens) {
    streamer.put([[BigInt(token)]]);
  }
  streamer.end();
  return told;
}

describe("TextStreamer", () => {
  it("tells words when they are whole, and lines", () => {
    expect(stream([0, 1, 2, 3, 4])).toEqual(["hello ", "world"]);
    expect(stream([0, 1, 2, 5, 6, 3])).toEqual(["hello\n", "again ", "wor"]);
    expect(stream([0])).toEqual([]);
  });

  it("leaves out the prompt and special tokens as told", () => {
    expect(stream([0, 1, 2], { skip_special_tokens: false }).join("")).toBe("<s> hello");
    expect(stream([0, 1, 2], { skip_special_tokens: false, skip_prompt: true })).toEqual(["hello"]);
  });

  it("hands on tokens", () => {
    const seen: bigint[][] = [];
    stream([0, 1], { token_callback_function: (tokens) => seen.push(tokens) });
    expect(seen).toEqual([[0n], [1n]]);
  });

  it("can be used again after its end, and refuses batches and wrong arguments", async () => {
    const streamer = new TextStreamer(tokenizer, { skip_prompt: true });
    streamer.put([[0n]]);
    streamer.end();
    await expectCode(() => streamer.put([[1n], [2n]]), "ERR_INVALID_ARGUMENT");
    await expectCode(() => new TextStreamer({} as never), "ERR_INVALID_ARGUMENT");
    await expectCode(() => new TextStreamer(tokenizer, { skip: true } as never), "ERR_INVALID_ARGUMENT");
    await expectCode(() => new TextStreamer(tokenizer, { callback_function: 1 as never }), "ERR_INVALID_ARGUMENT");
  });
});
