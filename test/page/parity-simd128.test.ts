import { testParity } from "./parity-suite.js";

/** The number of relaxed_swizzle, with which ts/backend/wasm/features.ts asks for relaxed SIMD. */
const RELAXED_SWIZZLE = "253,128,2,";

// A browser without it, which Chromium is no more.
const validate = WebAssembly.validate;
WebAssembly.validate = (bytes) =>
  !String(new Uint8Array(bytes as ArrayBuffer)).includes(RELAXED_SWIZZLE) && validate(bytes);

testParity("simd128");
