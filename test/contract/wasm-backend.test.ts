import { SMALL_MODEL } from "./addon-path.js";
import { testBackend } from "./backend-suite.js";
import { openWasm, withWasmBuilds } from "./wasm-core.js";

withWasmBuilds((build) => testBackend(`wasm, ${build}`, { open: () => openWasm(build), model: SMALL_MODEL }));
