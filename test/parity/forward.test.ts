/** forward() against stored results of transformers 5.18, and live ones of random configurations. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "vitest";
import { KyutaiSpeechToTextForConditionalGeneration } from "../../ts/index.node.js";
import { expectCase, readForwardFixture } from "./forward-fixture.js";
import { FORWARD_FIXTURES, testForward } from "./forward-suite.js";
import { noPython, ORACLE_PYTHON } from "./oracle-python.js";
import tolerances from "./tolerances.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Of random configurations. */
const SEEDS = [1, 2, 3];

const load = (checkpoint: string) =>
  KyutaiSpeechToTextForConditionalGeneration.from_pretrained(checkpoint, { backend: "cpu", threads: 2 });

for (const name of FORWARD_FIXTURES) {
  testForward(name, { backend: "cpu", threads: 2 });
}

for (const seed of SEEDS) {
  test(`a random configuration, live (seed ${seed})`, async (context) => {
    if (ORACLE_PYTHON === undefined) {
      return context.skip(noPython("transformers"));
    }
    const folder = await mkdtemp(join(tmpdir(), "kstt-forward-"));
    try {
      const script = join(ROOT, "tools/oracle/make-forward-fixtures.py");
      await promisify(execFile)(ORACLE_PYTHON, [script, "--random", String(seed), folder], { encoding: "utf8" });
      const fixture = readForwardFixture(folder);
      await using model = await load(fixture.checkpoint);
      for (const item of fixture.cases) {
        await expectCase(model, item, fixture.tensors, tolerances.f32.intermediate);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}
