import { expect, test } from "vitest";
import { type BackendPreference, selectBackend } from "../../../ts/backend/select.js";
import type { AnswerMessage, CallMessage } from "../../../ts/backend/wasm/core/calls.js";
import { detectFeatures, type WasmFeatures } from "../../../ts/backend/wasm/features.js";
import { LAYOUT } from "../../../ts/backend/wasm/layout.js";
import { wasmCandidates } from "../../../ts/backend/wasm/wasm-candidate.js";
import type { WasmHost, WasmVariant, WorkerThread } from "../../../ts/backend/wasm/wasm-host.js";
import type { Backend, BackendCandidate, BackendKind } from "../../../ts/contract/backend.js";
import { SttError } from "../../../ts/contract/errors.js";
import { FakeBackend } from "../../contract/fake-backend.js";

interface Script {
  works?: boolean;
  reason?: unknown;
}

/** Candidates that note the order in which they are tried. */
function candidates(scripts: Partial<Record<BackendKind, Script>>) {
  const opened: BackendKind[] = [];
  const backends = new Map<BackendKind, Backend>();
  const list = Object.entries(scripts).map(([name, script]): BackendCandidate => {
    const kind = name as BackendKind;
    return {
      kind,
      async open() {
        opened.push(kind);
        if (!script.works) {
          throw script.reason;
        }
        const backend = new FakeBackend();
        backends.set(kind, backend);
        return backend;
      },
    };
  });
  return { list, opened, backends };
}

const broken = (kind: BackendKind) => ({
  reason: new SttError("ERR_BACKEND_UNAVAILABLE", `no ${kind} here`, { remedy: `Get a ${kind}.` }),
});

async function failure(preference: BackendPreference, list: readonly BackendCandidate[]): Promise<SttError> {
  const error: unknown = await selectBackend(preference, list).then(
    () => expect.fail("a backend was selected"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SttError);
  return error as SttError;
}

test("auto takes the first that opens, in the order cuda, cpu, wasm, and opens no more", async () => {
  // Listed in another order: the order of trying is not the list's.
  const { list, opened, backends } = candidates({ wasm: { works: true }, cpu: { works: true }, cuda: broken("cuda") });
  const selection = await selectBackend("auto", list);
  expect(opened).toEqual(["cuda", "cpu"]);
  expect(selection.backend).toBe(backends.get("cpu"));
  expect(selection.tried).toEqual([
    { kind: "cuda", ok: false, reason: "no cuda here" },
    { kind: "cpu", ok: true },
  ]);
});

test("a kind by name is tried alone", async () => {
  const { list, opened } = candidates({ cuda: { works: true }, cpu: { works: true } });
  expect((await selectBackend("cpu", list)).tried).toEqual([{ kind: "cpu", ok: true }]);
  expect(opened).toEqual(["cpu"]);
});

test("a kind by name never falls back", async () => {
  const { list, opened } = candidates({ cuda: broken("cuda"), cpu: { works: true } });
  const error = await failure("cuda", list);
  expect(opened).toEqual(["cuda"]);
  expect(error.code).toBe("ERR_BACKEND_UNAVAILABLE");
  expect(error.message).toContain("cuda: no cuda here");
  expect(error.remedy).toContain("Get a cuda.");
  expect(error.remedy).toContain('"auto"');
});

test("when none opens, one error names every reason and every remedy once", async () => {
  const { list } = candidates({
    cuda: broken("cuda"),
    cpu: { reason: new Error("broken file") },
    wasm: { reason: "odd" },
  });
  const error = await failure("auto", list);
  expect(error.code).toBe("ERR_BACKEND_UNAVAILABLE");
  for (const part of ["cuda: no cuda here", "cpu: broken file", "wasm: odd"]) {
    expect(error.message).toContain(part);
  }
  expect(error.remedy).toBe("Get a cuda.");
});

test("a kind without a candidate is a reason like any other", async () => {
  const error = await failure("auto", []);
  expect(error.message).toContain("cuda: this build has no cuda backend");
  expect(error.message).toContain("wasm: this build has no wasm backend");
  expect(error.remedy).toMatch(/\S/);
});

/** A platform with all features but those that are named, and a core that compiles to nothing. */
function wasmHost(missing: Partial<WasmFeatures>, changes: Partial<WasmHost> = {}): WasmHost {
  const all = { simd: true, relaxedSimd: true, exceptions: true, threads: true, noThreadsReason: undefined };
  return {
    features: { ...all, ...missing },
    processors: 2,
    glueUrl: () => "glue.mjs",
    compile: async () => EMPTY_MODULE,
    importGlue: () => Promise.reject(new Error("not here")),
    startWorker: () => worker((id) => ({ id, value: 0, state: undefined })),
    findFiles: () => Promise.reject(new Error("not here")),
    writeFile: undefined,
    checkWritable: async () => {},
    ...changes,
  };
}

/** Answers every call at once. */
function worker(answer: (id: number) => AnswerMessage): WorkerThread {
  let listener: (data: unknown) => void = () => {};
  return {
    post: (message) => queueMicrotask(() => listener(answer((message as CallMessage).id))),
    onMessage: (next) => {
      listener = next;
    },
    onEnd: () => {},
    setBusy: () => {},
    terminate: () => {},
  };
}

/** Nothing but an empty memory, exported under the name that says which headers a core was built from. */
const EMPTY_MODULE = new WebAssembly.Module(
  Uint8Array.of(
    ...[0, 97, 115, 109, 1, 0, 0, 0],
    ...[5, 3, 1, 0, 0],
    ...[7, LAYOUT.length + 4, 1, LAYOUT.length, ...Buffer.from(LAYOUT), 2, 0],
  ),
);

test("of wasm the build with threads comes first, and the one without when there can be none", async () => {
  const threaded = await selectBackend(
    "wasm",
    wasmCandidates(async () => wasmHost({})),
  );
  expect(threaded.tried).toEqual([{ kind: "wasm", variant: "threads", ok: true }]);
  const reason = "the page is not isolated";
  const single = await selectBackend(
    "auto",
    wasmCandidates(async () => wasmHost({ threads: false, noThreadsReason: reason })),
  );
  expect(single.tried.slice(2)).toEqual([
    { kind: "wasm", variant: "threads", ok: false, reason },
    { kind: "wasm", variant: "single", ok: true },
  ]);
  expect(single.backend.kind).toBe("wasm");
});

test.each(["simd", "exceptions"] as const)(
  "wasm without %s is no backend, and says what would be one",
  async (feature) => {
    const error = await failure(
      "wasm",
      wasmCandidates(async () => wasmHost({ [feature]: false })),
    );
    expect(error.message).toMatch(/wasm \(threads\): WebAssembly has no (SIMD|exceptions) on this platform/);
    expect(error.message).toContain("wasm (single): ");
    expect(error.remedy).toContain("Safari 16.4");
  },
);

test("relaxed SIMD is used where there is a build of it, and is no condition", async () => {
  const compiled: string[] = [];
  const compile = async ({ threads, relaxed }: WasmVariant) => {
    compiled.push(`${threads ? "threads" : "single"}${relaxed ? "-relaxed" : ""}`);
    if (relaxed) throw new Error("no such file");
    return EMPTY_MODULE;
  };
  await selectBackend(
    "wasm",
    wasmCandidates(async () => wasmHost({}, { compile })),
  );
  expect(compiled).toEqual(["threads-relaxed", "threads"]);
  compiled.length = 0;
  await selectBackend(
    "wasm",
    wasmCandidates(async () => wasmHost({ relaxedSimd: false }, { compile })),
  );
  expect(compiled).toEqual(["threads"]);
});

test("threads that do not start are a reason like any other", async () => {
  const startWorker = () => worker((id) => ({ id, crash: "workers are forbidden here" }));
  const { tried } = await selectBackend(
    "wasm",
    wasmCandidates(async () => wasmHost({}, { startWorker })),
  );
  expect(tried).toEqual([
    { kind: "wasm", variant: "threads", ok: false, reason: expect.stringContaining("workers are forbidden here") },
    { kind: "wasm", variant: "single", ok: true },
  ]);
});

test("what has opened is kept, what has failed is tried again", async () => {
  let calls = 0;
  const list = wasmCandidates(async () => {
    calls++;
    if (calls === 1) throw new Error("not yet");
    return wasmHost({ threads: false, noThreadsReason: "none" });
  });
  const first = await selectBackend("wasm", list);
  const second = await selectBackend("wasm", list);
  expect(second.backend).toBe(first.backend);
});

test("this platform has what the core needs", () => {
  expect(detectFeatures(true)).toMatchObject({ simd: true, exceptions: true, threads: true });
  expect(detectFeatures(false)).toMatchObject({ threads: false, noThreadsReason: expect.stringContaining("isolated") });
});

test("an unknown name is refused with the list of names", async () => {
  const error = await failure("gpu" as BackendPreference, []);
  expect(error.code).toBe("ERR_INVALID_ARGUMENT");
  expect(error.message).toContain("auto, cuda, cpu, wasm");
});
