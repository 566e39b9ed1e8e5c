/** generate() under rules on a backend: stored results of transformers 5.18 (tools/oracle/make-generate-fixtures.py). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type GenerateDecoderOnlyOutput,
  KyutaiSpeechToTextForConditionalGeneration,
  KyutaiSpeechToTextProcessor,
  type PretrainedModelOptions,
  Tensor,
} from "../../ts/index.node.js";
import { audioSignal } from "./audio-signal.js";
import { readTensorFile, relativeError } from "./tensor-file.js";

const TOLERANCE = 1e-4;

interface Manifest {
  readonly checkpoint: string;
  readonly rows: readonly { readonly seed: number; readonly samples: number }[];
  readonly cases: readonly {
    readonly name: string;
    readonly options: Readonly<Record<string, unknown>>;
    readonly generation_config: Readonly<Record<string, unknown>> | null;
    readonly audio_window_size: number | null;
  }[];
}

/** -Infinity in the same places, the rest within the tolerance. */
function expectScores(found: Tensor<"float32"> | undefined, expected: Tensor<"float32">, what: string): void {
  const finite = (tensor: Tensor<"float32">): Tensor<"float32"> =>
    new Tensor(
      "float32",
      tensor.data.map((value) => (Number.isFinite(value) ? value : 0)),
      tensor.dims,
    );
  const holes = (tensor: Tensor<"float32">): number[] =>
    [...tensor.data.entries()].filter(([, value]) => value === Number.NEGATIVE_INFINITY).map(([index]) => index);
  expect(found, what).toBeInstanceOf(Tensor);
  const tensor = found as Tensor<"float32">;
  expect(holes(tensor), what).toEqual(holes(expected));
  expect(relativeError(finite(tensor), finite(expected)), what).toBeLessThanOrEqual(TOLERANCE);
}

export const GENERATE_FIXTURES = ["plain-f32", "gqa-f32"];

export function testGenerate(name: string, backend: PretrainedModelOptions): void {
  const folder = fileURLToPath(new URL(`../fixtures/generate/${name}`, import.meta.url));
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as Manifest;
  const tensors = readTensorFile(join(folder, "expected.safetensors"));

  describe(`generate of ${name}`, () => {
    let model: KyutaiSpeechToTextForConditionalGeneration;
    let input_values: Tensor<"float32">;
    beforeAll(async () => {
      const checkpoint = join(folder, manifest.checkpoint);
      model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(checkpoint, backend);
      const processor = await KyutaiSpeechToTextProcessor.from_pretrained(checkpoint);
      ({ input_values } = await processor(manifest.rows.map(({ seed, samples }) => audioSignal(seed, samples))));
    });
    afterAll(() => model.dispose());

    const expected = (key: string): Tensor<"float32"> => tensors.get(key) as Tensor<"float32">;

    function checkRecords(caseName: string, output: GenerateDecoderOnlyOutput): void {
      for (const key of tensors.keys()) {
        const [, result = "", step, layer] = key.match(`^${caseName}/([a-z_]+)\\.(\\d+)\\.(\\d+)$`) ?? [];
        if (result === "hidden_states" || result === "attentions") {
          const found = output[result]?.[Number(step)]?.[Number(layer)] as Tensor<"float32">;
          expect(relativeError(found, expected(key)), key).toBeLessThanOrEqual(TOLERANCE);
        }
      }
    }

    test.each(manifest.cases.map((item) => [item.name, item] as const))("%s", async (caseName, item) => {
      model.generation_config.audio_window_size = item.audio_window_size;
      const options = { ...item.options, input_values, generation_config: item.generation_config, seed: 5 };
      const { seed, ...certain } = options;
      const output = await model.generate({
        ...(item.options["do_sample"] === true ? options : certain),
        return_dict_in_generate: true,
        output_scores: true,
        output_logits: true,
      });
      const tokens = tensors.get(`${caseName}/tokens`) as Tensor<"int32">;
      expect(output.sequences.tolist()).toEqual(tokens.to("int64").tolist());
      for (const [step, scores] of [...expected(`${caseName}/scores`)].entries()) {
        expectScores(output.scores?.[step], scores, `scores of step ${step}`);
      }
      if (tensors.has(`${caseName}/logits`)) {
        for (const [step, logits] of [...expected(`${caseName}/logits`)].entries()) {
          expectScores(output.logits?.[step], logits, `logits of step ${step}`);
        }
      }
      checkRecords(caseName, output);
      const cache = await output.past_key_values.to_legacy_cache();
      for (const [layer, [keys]] of cache.entries()) {
        if (tensors.has(`${caseName}/keys.${layer}`)) {
          expect(relativeError(keys, expected(`${caseName}/keys.${layer}`))).toBeLessThanOrEqual(TOLERANCE);
        }
      }
      // Without looking at the steps: in one go in the core.
      if (item.options["output_attentions"] !== true) {
        const alone = await model.generate({ ...certain, ...(item.options["do_sample"] ? { seed } : {}) });
        expect(alone.tolist()).toEqual(output.sequences.tolist());
      }
    });

    test("forward goes on where generate stopped", async () => {
      model.generation_config.audio_window_size = null;
      const all = await model.generate({
        input_values,
        max_new_tokens: 9,
        return_dict_in_generate: true,
        output_logits: true,
      });
      const part = await model.generate({ input_values, max_new_tokens: 8, return_dict_in_generate: true });
      const { audio_codes } = await model.codec_model.encode(input_values);
      const codebooks = model.config.num_codebooks;
      // Step 8 reads the codes of frame 7.
      const ids = [0, 1].flatMap((row) => [
        part.sequences.at(row).data[8] ?? 0n,
        ...audio_codes.at(row).slice([0, codebooks], 7).data,
      ]);
      const input_ids = new Tensor("int64", BigInt64Array.from(ids), [2, 1, 1 + codebooks]);
      const { logits } = await model.forward({ input_ids, past_key_values: part.past_key_values });
      expect(logits.view(2, -1)).toEqual(all.logits?.[8]);
    });
  });
}
