import { expect, test } from "vitest";
import { type BackendPreference, selectBackend } from "../../../ts/backend/select.js";
import { wasmCandidate } from "../../../ts/backend/wasm/wasm-candidate.js";
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

test("the wasm candidate of this build says that there is no core for it", async () => {
  const error = await failure("wasm", [wasmCandidate]);
  expect(error.message).toContain("this build contains no WASM core");
});

test("an unknown name is refused with the list of names", async () => {
  const error = await failure("gpu" as BackendPreference, []);
  expect(error.code).toBe("ERR_INVALID_ARGUMENT");
  expect(error.message).toContain("auto, cuda, cpu, wasm");
});
