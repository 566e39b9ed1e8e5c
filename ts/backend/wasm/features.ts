/** Which parts of WebAssembly this platform has. */

export interface WasmFeatures {
  readonly simd: boolean;
  readonly relaxedSimd: boolean;
  readonly exceptions: boolean;
  /** Atomics and shared memory that may be handed to workers. */
  readonly threads: boolean;
  /** Why there are no threads; undefined when there are. */
  readonly noThreadsReason: string | undefined;
}

const HEADER = [0, 97, 115, 109, 1, 0, 0, 0];

/** Modules of one function each, with an instruction of the feature in it. */
const PROBES = {
  // (func (result v128) i32.const 0  i8x16.splat  i8x16.popcnt)
  simd: [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
  // (func (result v128) i32.const 1  i8x16.splat  i32.const 2  i8x16.splat  i8x16.relaxed_swizzle)
  relaxedSimd: [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11],
  // (func try end)
  exceptions: [1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 8, 1, 6, 0, 6, 64, 25, 11, 11],
  // (memory 1 1 shared) (func i32.const 0  i32.atomic.load  drop)
  threads: [1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 4, 1, 3, 1, 1, 10, 11, 1, 9, 0, 65, 0, 254, 16, 2, 0, 26, 11],
} as const;

function hasFeature(probe: readonly number[]): boolean {
  return typeof WebAssembly === "object" && WebAssembly.validate(Uint8Array.from([...HEADER, ...probe]));
}

/** `isolated`: whether shared memory may be handed to workers; in browsers that takes two headers of the page. */
export function detectFeatures(isolated: boolean): WasmFeatures {
  const atomics = hasFeature(PROBES.threads) && typeof SharedArrayBuffer === "function";
  return {
    simd: hasFeature(PROBES.simd),
    relaxedSimd: hasFeature(PROBES.relaxedSimd),
    exceptions: hasFeature(PROBES.exceptions),
    threads: atomics && isolated,
    noThreadsReason: noThreadsReason(atomics, isolated),
  };
}

function noThreadsReason(atomics: boolean, isolated: boolean): string | undefined {
  if (!isolated) {
    return "the page is not cross-origin isolated, so it has no shared memory";
  }
  return atomics ? undefined : "this platform has no threads in WebAssembly";
}
