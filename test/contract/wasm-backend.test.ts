import type { Backend } from "../../ts/contract/backend.js";
import { SMALL_MODEL } from "./addon-path.js";
import { testBackend } from "./backend-suite.js";
import { openWasm, withWasmBuilds } from "./wasm-core.js";
import { withThreads } from "./with-threads.js";

withWasmBuilds((build) => {
  const open = async (): Promise<Backend> => {
    const backend = await openWasm(build);
    return build === "threads" ? withThreads(backend) : backend;
  };
  testBackend(`wasm, ${build}`, { open, model: SMALL_MODEL });
});
