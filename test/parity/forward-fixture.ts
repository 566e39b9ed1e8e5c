/** Fixtures of forward(): test/fixtures/forward/README.md says what is in them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import {
  type CausalLMForwardOptions,
  type CausalLMOutputWithPast,
  DynamicCache,
  type KyutaiSpeechToTextForConditionalGeneration,
  Tensor,
} from "../../ts/index.node.js";
import { readTensorFile, relativeError, type StoredTensor } from "./tensor-file.js";

interface StoredCall {
  readonly cache: "new" | "full" | "none" | "last";
  readonly values: Readonly<Record<string, unknown>>;
  readonly tensors: readonly string[];
  readonly outputs: readonly string[];
}

export interface Manifest {
  readonly checkpoint: string;
  readonly cases: readonly { readonly name: string; readonly calls: readonly StoredCall[] }[];
}

/** What a call gave, under the names of the fixture. */
async function results(output: CausalLMOutputWithPast): Promise<Map<string, Tensor<"float32">>> {
  const found = new Map<string, Tensor<"float32">>([["logits", output.logits]]);
  if (output.loss !== undefined) {
    found.set("loss", output.loss);
  }
  for (const name of ["hidden_states", "attentions"] as const) {
    for (const [index, tensor] of output[name]?.entries() ?? []) {
      found.set(`${name}.${index}`, tensor);
    }
  }
  for (const [index, [keys, values]] of (await output.past_key_values?.to_legacy_cache())?.entries() ?? []) {
    found.set(`keys.${index}`, keys);
    found.set(`values.${index}`, values);
  }
  return found;
}

/** Positions [batch][position] that see anything: where all is hidden, the reference's eager attention sees everything. */
function seeing(mask: StoredTensor | undefined, rows: number, length: number): boolean[][] {
  if (mask === undefined || mask.dims.length !== 2) {
    return Array.from({ length: rows }, () => Array.from({ length }, () => true));
  }
  return [...mask].map((row) => {
    const shown = Array.from(row.data, Number);
    const before = shown.length - length;
    return Array.from({ length }, (_, index) => shown.slice(0, before + index + 1).includes(1));
  });
}

/** Zeros where a position sees nothing. `dim`: of the positions. */
function masked(tensor: Tensor<"float32">, visible: readonly (readonly boolean[])[], dim: number): Tensor<"float32"> {
  const copy = tensor.clone();
  const inner = tensor.dims.slice(dim + 1).reduce((product, length) => product * length, 1);
  const length = tensor.dims[dim] ?? 1;
  const perRow = copy.size / (tensor.dims[0] ?? 1);
  for (let block = 0; block < copy.size / inner; block++) {
    const row = Math.floor((block * inner) / perRow);
    if (visible[row]?.[block % length] === false) {
      copy.data.fill(0, block * inner, (block + 1) * inner);
    }
  }
  return copy;
}

export interface ForwardFixture extends Manifest {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

export function readForwardFixture(folder: string): ForwardFixture {
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as Manifest;
  return {
    ...manifest,
    checkpoint: join(folder, manifest.checkpoint),
    tensors: readTensorFile(join(folder, "expected.safetensors")),
  };
}

/** Makes the calls of a case and compares what they give, each tensor by itself. */
export async function expectCase(
  model: KyutaiSpeechToTextForConditionalGeneration,
  { name: caseName, calls }: Manifest["cases"][number],
  tensors: ReadonlyMap<string, StoredTensor>,
  tolerance: number,
): Promise<void> {
  let cache: DynamicCache | null = null;
  for (const [index, call] of calls.entries()) {
    const prefix = `${caseName}/${index}`;
    if (call.cache !== "last") {
      const made = call.cache === "new" ? new DynamicCache({ config: model.config }) : new DynamicCache();
      cache = call.cache === "none" ? null : made;
    }
    const inputs = Object.fromEntries(call.tensors.map((key) => [key, tensors.get(`${prefix}/in/${key}`)]));
    const output = await model.forward({
      ...call.values,
      ...inputs,
      past_key_values: cache,
      use_cache: cache !== null,
    } as unknown as CausalLMForwardOptions & { return_dict?: true });
    expect(output.past_key_values ?? null).toBe(cache);
    const found = await results(output);
    const visible = seeing(inputs["attention_mask"], output.logits.dims[0] ?? 0, output.logits.dims[1] ?? 0);
    for (const key of call.outputs) {
      const expected = tensors.get(`${prefix}/out/${key}`) as Tensor<"float32">;
      const actual = found.get(key);
      if (key === "loss" && Number.isNaN(expected.item())) {
        expect(actual?.item(), `${prefix} ${key}`).toBeNaN();
        continue;
      }
      expect(actual, `${prefix} ${key}`).toBeInstanceOf(Tensor);
      const isPerPosition = key !== "loss" && !/^(keys|values)/.test(key);
      const dim = key.startsWith("attentions") ? 2 : 1;
      const [a, b] = [actual as Tensor<"float32">, expected].map((tensor) =>
        isPerPosition ? masked(tensor, visible, dim) : tensor,
      ) as [Tensor<"float32">, Tensor<"float32">];
      expect(relativeError(a, b), `${prefix} ${key}`).toBeLessThanOrEqual(tolerance);
    }
  }
}
