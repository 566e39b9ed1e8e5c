/** The contract of ts/contract/backend.ts as tests, the same for every backend. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe } from "vitest";
import { testConversion } from "./conversion-suite.js";
import { testCore } from "./core-suite.js";
import type { Subject } from "./subject.js";
import { testTokenizer } from "./tokenizer-suite.js";

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/tokenizer/${name}`, import.meta.url));

export function testBackend(name: string, subject: Subject): void {
  describe(name, () => {
    testCore(subject);
    describe("conversion", () => testConversion(subject));
    const path = fixture("bpe-identity.model");
    const vocabulary = { path, bytes: readFileSync(path), missing: fixture("nothing.model") };
    describe("tokenizer", () => testTokenizer(subject, vocabulary));
  });
}
