/** The contract of a backend inside a page, with each of the kernels. */
import { describe, expect, test } from "vitest";
import { testCore } from "../contract/core-suite.js";
import { testTokenizer } from "../contract/tokenizer-suite.js";
import { addModel, addVocabulary, BEST_KERNELS, type Kernels, named, openBackend, THREADS } from "./build.js";

const model = await addModel("test/fixtures/parity/plain-f32/checkpoint");
const vocabulary = await addVocabulary("test/fixtures/tokenizer/bpe-identity.model");
const ALL: readonly Kernels[] = ["relaxed", "simd128"];

describe.each(ALL)("%s", (kernels) => {
  if (kernels === "relaxed" && BEST_KERNELS !== "relaxed") {
    test("the contract", (context) => context.skip("this browser has no relaxed SIMD"));
    return;
  }

  test("these kernels compute, with the threads that the page can have", async () => {
    const engine = await (await openBackend(kernels)).createEngine(model, { threads: 1, slots: 1 });
    expect(engine.info).toMatchObject({ kernels: named(kernels), threads: THREADS });
    await engine.dispose();
  });

  const subject = { open: () => openBackend(kernels), model };
  testCore(subject);
  describe("tokenizer", () => testTokenizer(subject, vocabulary));
});
