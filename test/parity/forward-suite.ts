/** forward() on a backend, against stored results of transformers 5.18. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, test } from "vitest";
import { KyutaiSpeechToTextForConditionalGeneration, type PretrainedModelOptions } from "../../ts/index.node.js";
import { expectCase, readForwardFixture } from "./forward-fixture.js";
import tolerances from "./tolerances.json" with { type: "json" };

const FOLDER = fileURLToPath(new URL("../fixtures/forward", import.meta.url));

export const FORWARD_FIXTURES: readonly string[] = readdirSync(FOLDER).filter((entry) => !entry.includes("."));

export function testForward(name: string, backend: PretrainedModelOptions): void {
  const fixture = readForwardFixture(join(FOLDER, name));
  const tolerance = tolerances[name.endsWith("f32") ? "f32" : "bf16"].intermediate;

  describe(`forward of ${name}`, () => {
    let model: KyutaiSpeechToTextForConditionalGeneration;
    beforeAll(async () => {
      model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(fixture.checkpoint, backend);
    });
    afterAll(() => model.dispose());

    test.each(fixture.cases.map((item) => [item.name, item] as const))("%s", async (_, item) => {
      await expectCase(model, item, fixture.tensors, tolerance);
    });
  });
}
