/** The contract of a backend inside a page. */
import { describe, expect, test } from "vitest";
import { testCore } from "../contract/core-suite.js";
import { addModel, BUILD, openBackend } from "./build.js";

const model = await addModel("test/fixtures/parity/plain-f32/checkpoint");

describe(`wasm, ${BUILD}`, () => {
  test("the engine is what this page can run", async () => {
    const engine = await (await openBackend()).createEngine(model, { threads: 1, slots: 1 });
    expect(engine.info.threads).toBe(BUILD === "threads" ? 2 : 1);
    await engine.dispose();
  });

  testCore({ open: openBackend, model });
});
