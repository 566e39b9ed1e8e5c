/** The part of the contract of ts/contract/backend.ts that takes no disk: it runs in pages, too. */
import { describe } from "vitest";
import { testCodec } from "./codec-suite.js";
import { testEncoding, testEngine, testGeneration } from "./engine-suite.js";
import { testForward } from "./forward-suite.js";
import { testGenerationRules } from "./generation-suite.js";
import { testLifetime } from "./lifetime-suite.js";
import { testLive } from "./live-suite.js";
import { testResampler, testSession } from "./session-suite.js";
import type { Subject } from "./subject.js";

export function testCore(subject: Subject): void {
  describe("engine", () => testEngine(subject));
  describe("generation", () => testGeneration(subject));
  describe("generation rules", () => testGenerationRules(subject));
  describe("encoding", () => testEncoding(subject));
  describe("codec", () => testCodec(subject));
  describe("forward", () => testForward(subject));
  describe("session", () => testSession(subject));
  describe("live session", () => testLive(subject));
  describe("resampler", () => testResampler(subject));
  describe("lifetime", () => testLifetime(subject));
}
