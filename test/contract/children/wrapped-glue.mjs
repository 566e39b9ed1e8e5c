/**
 * Emscripten's loader with a core that misbehaves: what is wrong with it is in this file's own URL
 * (?glue=URL&fault=trap|kill|memory|stale).
 */
const { searchParams } = new URL(import.meta.url);
const fault = searchParams.get("fault");
const { default: create } = await import(searchParams.get("glue"));

// biome-ignore lint/style/noDefaultExport: a loader of Emscripten has one
export default async function createCore(options) {
  if (fault === "memory") {
    // Just enough to start: 33 MB and one more.
    const memory = new WebAssembly.Memory({ initial: 512, maximum: 528 });
    return create({ ...options, wasmMemory: memory });
  }
  const core = await create(options);
  let steps = 0;
  const step = (...values) => {
    steps++;
    if (steps > 1 && fault === "trap") {
      throw new WebAssembly.RuntimeError("unreachable");
    }
    if (steps > 1 && fault === "kill") {
      process.exit(7);
    }
    return core._kstt_engine_step(...values);
  };
  // Not assigned: the loader replaces its functions at their first call.
  return new Proxy(core, {
    get: (target, name) => (name === "_kstt_engine_step" ? step : target[name]),
    // A loader of other headers knows another layout.
    has: (target, name) => name in target && !(fault === "stale" && String(name).startsWith("_kstt_layout_")),
  });
}
