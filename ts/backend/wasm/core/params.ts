/** Parameters of engines, written for the core. */
import type { EngineOptions, SourceOptions } from "../../../contract/backend.js";
import { CONSTANTS, STRUCTS } from "../layout.js";
import type { CoreModule } from "./core-module.js";
import type { CoreMemory, Scratch } from "./memory.js";

export function writeEngineParams(
  module: CoreModule,
  memory: CoreMemory,
  scratch: Scratch,
  options: SourceOptions & Partial<EngineOptions>,
): number {
  const struct = scratch.struct(STRUCTS.kstt_engine_params);
  module._kstt_engine_default_params(struct);
  const { threads, slots, codebooks, transformersCompat } = options;
  memory.write(STRUCTS.kstt_engine_params, struct, {
    ...(threads === undefined ? {} : { n_threads: threads }),
    ...(slots === undefined ? {} : { n_slots: slots }),
    ...(codebooks === undefined ? {} : { n_codebooks: codebooks }),
    compat: compatOf(transformersCompat),
  });
  return struct;
}

/** KSTT_COMPAT_*; undefined: the files. */
export function compatOf(transformersCompat: boolean | undefined): number {
  if (transformersCompat === undefined) {
    return CONSTANTS.KSTT_COMPAT_FILES;
  }
  return transformersCompat ? CONSTANTS.KSTT_COMPAT_TRANSFORMERS : CONSTANTS.KSTT_COMPAT_TRAINED;
}
