import type { Backend, EngineOptions } from "../../ts/contract/backend.js";
import { SMALL_MODEL } from "./addon-path.js";
import { testBackend } from "./backend-suite.js";
import { openWasm, withWasmBuilds } from "./wasm-core.js";

/** With as many threads as there are, where the suite asks for one, which is the other build's. */
function withThreads(backend: Backend): Backend {
  return new Proxy(backend, {
    get(target, name) {
      if (name === "createEngine") {
        return (path: string, options: EngineOptions) => target.createEngine(path, { ...options, threads: 2 });
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

withWasmBuilds((build) => {
  const open = async (): Promise<Backend> => {
    const backend = await openWasm(build);
    return build === "threads" ? withThreads(backend) : backend;
  };
  testBackend(`wasm, ${build}`, { open, model: SMALL_MODEL });
});
