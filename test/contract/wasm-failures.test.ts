/** What becomes of an engine whose core traps, whose worker is killed, or whose memory is used up. */
import { describe, expect, test } from "vitest";
import { nodeWasmHost } from "../../ts/backend/wasm/host.node.js";
import { WasmBackend } from "../../ts/backend/wasm/wasm-backend.js";
import { wasmCandidates } from "../../ts/backend/wasm/wasm-candidate.js";
import type { WasmHost, WasmVariant } from "../../ts/backend/wasm/wasm-host.js";
import type { EngineHandle } from "../../ts/contract/backend.js";
import { SttError } from "../../ts/contract/errors.js";
import { addModelFiles, type ModelFile } from "../../ts/contract/model-files.js";
import { EMBEDDED_MODEL, SMALL_MODEL } from "./addon-path.js";
import { expectCode, frames, generate, TOKENS } from "./subject.js";
import { openWasm, withWasmBuilds } from "./wasm-core.js";

type Fault = "trap" | "kill" | "memory" | "stale";

async function faulty(fault: Fault): Promise<WasmBackend> {
  const variant = { threads: false, relaxed: false };
  const url = new URL("./children/wrapped-glue.mjs", import.meta.url);
  url.searchParams.set("glue", nodeWasmHost.glueUrl(false));
  url.searchParams.set("fault", fault);
  const host = { ...nodeWasmHost, glueUrl: () => url.href };
  return new WasmBackend(host, variant, await nodeWasmHost.compile(variant));
}

/** An engine whose next step goes wrong, with audio waiting in a session. */
async function aboutToFail(fault: Fault) {
  const backend = await faulty(fault);
  const engine = await backend.createEngine(SMALL_MODEL, { threads: 1, slots: 2 });
  const session = await engine.createSession(TOKENS);
  await session.pushPcm(frames(engine, 8), engine.info.sampleRate);
  expect(await engine.step(2)).toBe(2);
  return { backend, engine, session };
}

/** A module as an older version of this package would have it: without the export that names the layout. */
const STALE = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));

function candidate(host: Partial<WasmHost>, wanted: "single" | "threads") {
  return wasmCandidates(async () => ({ ...nodeWasmHost, ...host })).find(({ variant }) => variant === wanted);
}

withWasmBuilds((build) => {
  if (build !== "single") {
    return;
  }

  describe("files of another version of this package", () => {
    test.each(["single", "threads"] as const)("a module, %s, is refused with what to do", async (variant) => {
      const error = await candidate({ compile: async () => STALE }, variant)
        ?.open()
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: "ERR_BACKEND_UNAVAILABLE",
        message: expect.stringContaining("of another version"),
        remedy: expect.stringContaining("build-wasm"),
      });
    });

    test("only the module with relaxed SIMD: the other one is taken", async () => {
      const features = { ...nodeWasmHost.features, relaxedSimd: true };
      const compile = async (variant: WasmVariant) => (variant.relaxed ? STALE : nodeWasmHost.compile(variant));
      const backend = await candidate({ features, compile }, "single")?.open();
      const engine = await backend?.createEngine(SMALL_MODEL, { threads: 1, slots: 1 });
      expect(engine?.info.kernels).toMatch(/^simd128\b/);
      await engine?.dispose();
    });

    test("a loader is refused, too", async () => {
      const error = await (await faulty("stale"))
        .createEngine(SMALL_MODEL, { threads: 1, slots: 1 })
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: "ERR_BACKEND_UNAVAILABLE",
        message: expect.stringContaining("another version than its module"),
      });
    });
  });

  describe("a core that fails", () => {
    test.each(["trap", "kill"] as const)(
      "%s: calls under way and all later ones reject, dispose works",
      async (fault) => {
        const { engine, session } = await aboutToFail(fault);
        const step = engine.step(2);
        // Sent before the failure is known.
        const waiting = [session.pushPcm(frames(engine, 1), engine.info.sampleRate), session.snapshot(), session.end()];
        for (const call of [step, ...waiting]) {
          await expectCode(call, "ERR_BACKEND_CRASHED");
        }
        await expectCode(engine.step(1), "ERR_BACKEND_CRASHED");
        await expectCode(engine.createSession(TOKENS), "ERR_BACKEND_CRASHED");
        await expectCode(generate(engine, frames(engine, 2)), "ERR_BACKEND_CRASHED");
        await Promise.all([session.dispose(), engine.dispose()]);
        await expectCode(engine.step(1), "ERR_DISPOSED");
      },
    );

    test("other engines go on, and new ones can be made", async () => {
      const { backend, engine } = await aboutToFail("trap");
      const other: EngineHandle = await backend.createEngine(SMALL_MODEL, { threads: 1, slots: 1 });
      await expectCode(engine.step(2), "ERR_BACKEND_CRASHED");
      expect(await generate(other, frames(other, 3))).toHaveLength(1);
      await Promise.all([engine.dispose(), other.dispose()]);
    });

    test("memory that is used up is an error with a remedy, before and after loading", async () => {
      const backend = await faulty("memory");
      const loading = backend.createEngine(EMBEDDED_MODEL, { threads: 1, slots: 4096 });
      const error = await loading.then(
        () => expect.fail("the engine was made"),
        (reason: unknown) => reason as SttError,
      );
      expect(error).toMatchObject({ code: "ERR_OUT_OF_MEMORY", remedy: expect.stringMatching(/\S/) });
    });
  });

  test("a snapshot has the events that nobody has polled", async () => {
    const backend = await openWasm(build);
    const engine = await backend.createEngine(SMALL_MODEL, { threads: 1, slots: 2 });
    const session = await engine.createSession(TOKENS);
    await session.pushPcm(frames(engine, 4), engine.info.sampleRate);
    await engine.step(3);
    const snapshot = await session.snapshot();
    const expected = session.poll();
    expect(expected.length).toBeGreaterThan(0);
    const restored = await engine.restoreSession(snapshot);
    expect(restored.poll()).toEqual(expected);
    expect(restored.poll()).toEqual([]);
    await restored.dispose();
    await expectCode(engine.restoreSession(snapshot.subarray(1)), "ERR_INVALID_SNAPSHOT");
    await engine.dispose();
  });

  describe("models that are not on a disk", () => {
    const file = (name: string, size: number, bytes: () => AsyncIterable<Uint8Array>): ModelFile => ({
      name,
      size,
      read: async () => new Uint8Array(),
      stream: bytes,
    });

    test("a model that cannot fit is refused before a byte of it is read", async () => {
      let isRead = false;
      const weights = file("model.safetensors", 5e9, async function* () {
        isRead = true;
        yield new Uint8Array();
      });
      const path = addModelFiles("too-large", { files: [weights], isExact: true });
      const backend = await openWasm(build);
      const error = await backend.createEngine(path, { threads: 1, slots: 1 }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: "ERR_OUT_OF_MEMORY",
        message: expect.stringMatching(/needs 5\.1 GB.*4\.3 GB/),
      });
      expect(isRead).toBe(false);
    });

    test.each([
      ["ends early", "ERR_MODEL_FORMAT", /ended after 3 of 10 bytes/],
      ["breaks off", "ERR_NETWORK", /the line broke/],
    ] as const)("a file that %s is no model, and the worker is ended", async (kind, code, message) => {
      const weights = file("model.safetensors", 10, async function* () {
        yield Uint8Array.of(1, 2, 3);
        if (kind === "breaks off") {
          throw new SttError("ERR_NETWORK", "the line broke");
        }
      });
      const path = addModelFiles("cut", { files: [weights], isExact: true });
      const backend = await openWasm(build);
      const error = await backend.createEngine(path, { threads: 1, slots: 1 }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    });
  });
});
