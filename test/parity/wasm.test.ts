/** The same numbers through WebAssembly: stored results of transformers, and the addon's words. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { SpeechToText } from "../../ts/index.node.js";
import { withWasmBuilds } from "../contract/wasm-core.js";
import { CODEC_FIXTURES } from "./codec-fixture.js";
import { testCodec } from "./codec-suite.js";
import { readFixtures } from "./fixture.js";
import { FORWARD_FIXTURES, testForward } from "./forward-suite.js";
import { GENERATE_FIXTURES, testGenerate } from "./generate-suite.js";
import { nodePlatform } from "./node-platform.js";
import { testTokensAndCodes } from "./tokens-suite.js";

const MODEL = fileURLToPath(new URL("../../models/digits-en", import.meta.url));
const RECORDINGS = (JSON.parse(readFileSync(`${MODEL}/test/expected.json`, "utf8")) as { file: string }[]).map(
  ({ file }) => `${MODEL}/test/${file}`,
);

withWasmBuilds((build) => {
  const options = { backend: "wasm", threads: build === "single" ? 1 : 2 } as const;

  describe(`wasm, ${build}`, () => {
    describe.each(readFixtures())("$name", (fixture) => testTokensAndCodes(fixture, options, nodePlatform));

    for (const name of FORWARD_FIXTURES) {
      testForward(name, options);
    }
    for (const name of GENERATE_FIXTURES) {
      testGenerate(name, options);
    }
    describe.each(CODEC_FIXTURES)("codec of %s", (name) => testCodec(name, options));

    test("recordings: the words and times of the addon", async () => {
      await using wasm = await SpeechToText.load(MODEL, options);
      await using native = await SpeechToText.load(MODEL, { backend: "cpu", threads: 1 });
      expect(wasm.backend.threads).toBe(options.threads);
      for (const recording of RECORDINGS) {
        const [found, expected] = [await wasm.transcribe(recording), await native.transcribe(recording)];
        const comparable = ({ words }: typeof found) => words.map(({ text, start, end }) => ({ text, start, end }));
        expect(comparable(found), recording).toEqual(comparable(expected));
      }
    });
  });
});
