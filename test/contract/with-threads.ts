import type { Backend, EngineOptions } from "../../ts/contract/backend.js";

/** With two threads, where the suite asks for one, which is the other build's. */
export function withThreads(backend: Backend): Backend {
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
