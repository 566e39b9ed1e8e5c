import * as parser from "@plussub/srt-vtt-parser";
import { describe, expect, it } from "vitest";
import { toSrt, toVtt } from "../../../ts/api/subtitles.js";
import { expectCode } from "../../contract/subject.js";

interface Entry {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

// The parser's types are not found by this module resolution.
const parse: (text: string) => { readonly entries: readonly Entry[] } = parser.parse;

function words(...spans: [text: string, start: number, end: number][]) {
  return spans.map(([text, start, end]) => ({ text, start, end, confidence: 1 }));
}

function everySecond(count: number, text = "word") {
  return words(...Array.from({ length: count }, (_, i): [string, number, number] => [`${text}${i}`, i, i + 0.9]));
}

describe("subtitles", () => {
  const sentence = words(["one", 0.5, 0.9], ["two.", 1, 1.4], ["three", 1.5, 1.9], ["four", 3700.25, 3700.7]);

  it("writes SubRip that parsers read", () => {
    const text = toSrt(sentence);
    expect(text).toBe(
      "1\n00:00:00,500 --> 00:00:01,400\none two.\n\n" +
        "2\n00:00:01,500 --> 00:00:01,900\nthree\n\n" +
        "3\n01:01:40,250 --> 01:01:40,700\nfour\n",
    );
    expect(parse(text).entries.map(({ from, to, text: cue }) => [from, to, cue])).toEqual([
      [500, 1400, "one two."],
      [1500, 1900, "three"],
      [3_700_250, 3_700_700, "four"],
    ]);
  });

  it("writes WebVTT that parsers read", () => {
    const text = toVtt(sentence);
    expect(text.startsWith("WEBVTT\n\n00:00:00.500 --> 00:00:01.400\none two.\n")).toBe(true);
    expect(parse(text).entries.map(({ from, to, text: cue }) => [from, to, cue])).toEqual([
      [500, 1400, "one two."],
      [1500, 1900, "three"],
      [3_700_250, 3_700_700, "four"],
    ]);
  });

  it.each([
    ["srt", toSrt],
    ["vtt", toVtt],
  ])("keeps cues short, in order and apart (%s)", (_name, write) => {
    const { entries } = parse(write(everySecond(40)));
    expect(entries.length).toBeGreaterThan(4);
    let last = 0;
    for (const { from, to, text } of entries) {
      expect(from).toBeGreaterThanOrEqual(last);
      expect(to).toBeGreaterThan(from);
      expect(to - from).toBeLessThanOrEqual(7000);
      expect(text.length).toBeLessThanOrEqual(84);
      last = to;
    }
    expect(entries.flatMap(({ text }) => text.split(" ")).length).toBe(40);
  });

  it("cuts overlapping words apart, and gives a word without length a visible one", () => {
    const { entries } = parse(toSrt(words(["a.", 0, 5], ["b", 2, 2])));
    expect(entries.map(({ from, to }) => [from, to])).toEqual([
      [0, 2000],
      [2000, 2001],
    ]);
  });

  it("escapes what would break the format", () => {
    const odd = words(["-->", 0, 1], ["<b>&\n", 1, 2]);
    expect(toSrt(odd)).toBe("1\n00:00:00,000 --> 00:00:02,000\n-> <b>& \n");
    expect(toVtt(odd)).toBe("WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n--&gt; &lt;b&gt;&amp; \n");
  });

  it.each([
    [undefined, "not undefined"],
    ["one two", 'not "one two"'],
    [{ words: [] }, "not a Object"],
    [[{ text: "one", start: 0, end: 1 }, null], "word 1"],
    [[{ text: "one", start: 0 }], "word 0"],
    [[{ text: "one", start: Number.NaN, end: 1 }], "word 0"],
    [[{ text: "one", start: -1, end: 1 }], "word 0"],
    [[{ start: 0, end: 1 }], "word 0"],
  ])("refuses %o, which are no words", async (bad, message) => {
    for (const make of [toSrt, toVtt]) {
      await expectCode(() => make(bad as never), "ERR_INVALID_ARGUMENT");
      expect(() => make(bad as never)).toThrow(message);
    }
  });

  it("writes valid files without words", () => {
    expect(toSrt([])).toBe("");
    expect(toVtt([])).toBe("WEBVTT\n");
  });
});
