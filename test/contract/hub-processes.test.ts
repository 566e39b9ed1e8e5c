/** Several processes and one cache: the compiled program, downloading at once, killed, and going on. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { expectContent, MODEL, modelFiles, NEEDED, noise } from "../unit/hub/hub-fixture.js";
import { COMMIT, etagOf, HubServer } from "../unit/hub/hub-server.js";

const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

describe("processes that share a cache", () => {
  let hub: HubServer;
  let home: string;
  const weights = noise(6_000_000);
  const allBytes = NEEDED.reduce((sum, name) => sum + (modelFiles(weights)[name]?.length ?? 0), 0);

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "kstt-hub-"));
    hub = await HubServer.start();
    hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(weights) });
  });
  afterEach(async () => {
    await hub.stop();
    await rm(home, { recursive: true });
  });

  function start(): ChildProcess {
    const env = { PATH: process.env["PATH"], HF_HOME: home, HF_ENDPOINT: hub.endpoint };
    return spawn(process.execPath, [program, "download", MODEL], { env, stdio: ["ignore", "pipe", "pipe"] });
  }

  async function finish(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
    const [out, err] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
    return { code: child.exitCode ?? (await new Promise((resolve) => child.once("close", resolve))), out, err };
  }

  async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
    let text = "";
    for await (const chunk of stream ?? []) {
      text += chunk;
    }
    return text;
  }

  /** Bytes of the weights that are on the disk, while they are not complete. */
  async function written(): Promise<number> {
    const path = join(home, "hub/models--tests--model/blobs", `${etagOf(weights)}.kstt.incomplete`);
    return stat(path).then(
      ({ size }) => size,
      () => 0,
    );
  }

  it("download a file once when they start together", async () => {
    hub.delay = 5;
    const results = await Promise.all([finish(start()), finish(start()), finish(start())]);
    for (const { code, out, err } of results) {
      expect({ code, err }).toEqual({ code: 0, err: "" });
      await expectContent(join(out.trimEnd(), "model.safetensors"), weights);
    }
    expect(hub.cdnBytes).toBeLessThanOrEqual(allBytes);
    expect(await readdir(join(home, "hub/.locks/models--tests--model"))).toEqual([]);
  });

  it("go on where a killed one stopped, taking its lock over", async () => {
    hub.delay = 50;
    const victim = start();
    const ended = finish(victim);
    await expect.poll(written, { timeout: 30_000, interval: 20 }).toBeGreaterThan(2_000_000);
    victim.kill("SIGKILL");
    await ended;
    const kept = await written();
    expect(kept).toBeLessThan(weights.length);
    expect((await readdir(join(home, "hub/.locks/models--tests--model"))).length).toBe(1);
    // What is under way to the killed one is no longer counted.
    await expect.poll(() => hub.sending, { timeout: 30_000, interval: 20 }).toBe(0);
    hub.delay = 0;
    hub.cdnBytes = 0;
    const { code, out, err } = await finish(start());
    expect({ code, err }).toEqual({ code: 0, err: "" });
    await expectContent(join(out.trimEnd(), "model.safetensors"), weights);
    // Nothing of what had been written came again.
    expect(hub.cdnBytes).toBe(weights.length - kept);
    expect(await readdir(join(home, "hub/.locks/models--tests--model"))).toEqual([]);
  });

  it("stop at Ctrl-C and leave a beginning", async () => {
    hub.delay = 200;
    const child = start();
    const ended = finish(child);
    await expect.poll(written, { timeout: 30_000, interval: 20 }).toBeGreaterThan(500_000);
    child.kill("SIGINT");
    expect(await ended).toEqual({ code: 130, out: "", err: "" });
    expect(await written()).toBeGreaterThan(500_000);
    expect(await written()).toBeLessThan(weights.length);
    const beginning = await readFile(
      join(home, "hub/models--tests--model/blobs", `${etagOf(weights)}.kstt.incomplete`),
    );
    expect(Buffer.compare(beginning, weights.subarray(0, beginning.length))).toBe(0);
    expect(await readdir(join(home, "hub/.locks/models--tests--model"))).toEqual([]);
  });
});
