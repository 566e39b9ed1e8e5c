/** Runs a planned generation on an engine: in one go where nobody takes part in its steps, else step by step. */
import type { GenerationHandle } from "../contract/backend.js";
import type { Tensor } from "../tensor/tensor.js";
import type { EngineRunner, RunOptions } from "./engine-runner.js";
import { StepwiseGeneration, toOutput, toSequences } from "./generate-loop.js";
import type { GenerateDecoderOnlyOutput } from "./generate-options.js";
import type { GenerationPlan } from "./generation-options.js";
import type { ModelInput } from "./model-input.js";

export async function runGeneration(
  runner: EngineRunner,
  input: ModelInput,
  plan: GenerationPlan,
  { heads, ...options }: RunOptions & { readonly heads: number },
): Promise<GenerateDecoderOnlyOutput | Tensor<"int64">> {
  const create = (engine: EngineRunner["engine"]): Promise<GenerationHandle> =>
    engine.createGeneration(input.values, input.rows, input.samples, plan.params);
  const { numLayers, bosTokenId } = runner.engine.info;
  if (!plan.stepwise) {
    const read = async (handle: GenerationHandle): Promise<GenerateDecoderOnlyOutput | Tensor<"int64">> => {
      const sequences = toSequences(handle.tokens());
      return plan.outputs === undefined ? sequences : toOutput(handle, runner, sequences, plan);
    };
    return runner.run(create, read, options);
  }
  const shape = { rows: input.rows * plan.sequences, layers: numLayers, heads, bosTokenId };
  return runner.run(
    async (engine) => {
      const handle = await create(engine);
      const steps = new StepwiseGeneration(handle, plan, shape);
      try {
        await steps.begin();
      } catch (error) {
        await handle.dispose();
        throw error;
      }
      return {
        advance: (frames: number) => steps.advance(frames),
        settle: () => steps.settle(),
        finish: () => steps.finish(runner),
        dispose: () => handle.dispose(),
      };
    },
    (work) => work.finish(),
    options,
  );
}
