/** The contract of ts/contract/backend.ts as tests, the same for every backend. */
import { describe } from "vitest";
import { testCodec } from "./codec-suite.js";
import { testConversion } from "./conversion-suite.js";
import { testEncoding, testEngine, testGeneration } from "./engine-suite.js";
import { testForward } from "./forward-suite.js";
import { testGenerationRules } from "./generation-suite.js";
import { testLifetime } from "./lifetime-suite.js";
import { testLive } from "./live-suite.js";
import { testResampler, testSession } from "./session-suite.js";
import type { Subject } from "./subject.js";
import { testTokenizer } from "./tokenizer-suite.js";

export function testBackend(name: string, subject: Subject): void {
  describe(name, () => {
    describe("engine", () => testEngine(subject));
    describe("generation", () => testGeneration(subject));
    describe("generation rules", () => testGenerationRules(subject));
    describe("encoding", () => testEncoding(subject));
    describe("codec", () => testCodec(subject));
    describe("forward", () => testForward(subject));
    describe("session", () => testSession(subject));
    describe("live session", () => testLive(subject));
    describe("resampler", () => testResampler(subject));
    describe("conversion", () => testConversion(subject));
    describe("tokenizer", () => testTokenizer(subject));
    describe("lifetime", () => testLifetime(subject));
  });
}
