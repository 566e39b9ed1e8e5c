/** The contract of ts/contract/backend.ts as tests, the same for every backend. */
import { describe } from "vitest";
import { testConversion } from "./conversion-suite.js";
import { testCore } from "./core-suite.js";
import type { Subject } from "./subject.js";
import { testTokenizer } from "./tokenizer-suite.js";

export function testBackend(name: string, subject: Subject): void {
  describe(name, () => {
    testCore(subject);
    describe("conversion", () => testConversion(subject));
    describe("tokenizer", () => testTokenizer(subject));
  });
}
