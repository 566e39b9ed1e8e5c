/** Environment variables, waiting times and rates, where no server is needed. */
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cacheFolder, httpSettings, isOffline } from "../../../ts/hub/environment.node.js";
import { HttpFailure } from "../../../ts/hub/http-failure.js";
import { DEFAULT_RETRIES, withRetries } from "../../../ts/hub/retry.js";
import { TransferMeter } from "../../../ts/hub/transfer-meter.js";
import type { DownloadProgress } from "../../../ts/hub/types.js";

describe("the environment of huggingface_hub", () => {
  it.each([
    [{}, join(homedir(), ".cache/huggingface/hub")],
    [{ XDG_CACHE_HOME: "/xdg" }, "/xdg/huggingface/hub"],
    [{ XDG_CACHE_HOME: "/xdg", HF_HOME: "/home" }, "/home/hub"],
    [{ HF_HOME: "~/models" }, join(homedir(), "models/hub")],
    [{ HF_HOME: "$BASE/hf", BASE: "/base" }, "/base/hf/hub"],
    [{ HF_HOME: "/home", HUGGINGFACE_HUB_CACHE: "/old" }, "/old"],
    [{ HUGGINGFACE_HUB_CACHE: "/old", HF_HUB_CACHE: "/new" }, "/new"],
    [{ HF_HUB_CACHE: "", HF_HOME: "/home" }, "/home/hub"],
  ])("%o puts the cache into %s", (env, folder) => {
    expect(cacheFolder({}, env)).toBe(folder);
    expect(cacheFolder({ cache_dir: "/option" }, env)).toBe("/option");
  });

  it.each([
    [{}, false],
    [{ HF_HUB_OFFLINE: "1" }, true],
    [{ HF_HUB_OFFLINE: "true" }, true],
    [{ HF_HUB_OFFLINE: "0" }, false],
    [{ TRANSFORMERS_OFFLINE: "YES" }, true],
  ])("%o means offline: %s", (env, offline) => {
    expect(isOffline({}, env)).toBe(offline);
    expect(isOffline({ local_files_only: !offline }, env)).toBe(!offline);
  });

  it("sets address and time limits", async () => {
    const home = { HF_HOME: "/nowhere" };
    expect(await httpSettings({}, DEFAULT_RETRIES, home)).toMatchObject({
      endpoint: "https://huggingface.co",
      token: undefined,
      metadataTimeout: 10_000,
      downloadTimeout: 10_000,
    });
    const env = {
      ...home,
      HF_ENDPOINT: "https://mirror.example/hub/",
      HF_HUB_ETAG_TIMEOUT: "3",
      HF_HUB_DOWNLOAD_TIMEOUT: "x",
    };
    expect(await httpSettings({}, DEFAULT_RETRIES, env)).toMatchObject({
      endpoint: "https://mirror.example/hub",
      metadataTimeout: 3000,
      downloadTimeout: 10_000,
    });
  });
});

describe("retries", () => {
  const policy = { attempts: 3, firstDelay: 1, maxDelay: 2, maxRetryAfter: 10 };
  const cut = (): HttpFailure => new HttpFailure("cut", { isTransient: true });

  /** How often work that always fails with `error` is tried. */
  async function tries(error: unknown, progressed?: (count: number) => boolean): Promise<number> {
    let count = 0;
    const work = async (): Promise<never> => {
      count++;
      throw error;
    };
    await expect(withRetries(work, policy, undefined, () => progressed?.(count) ?? false)).rejects.toBe(error);
    return count;
  }

  it("end after a number of tries without progress", async () => {
    expect(await tries(cut())).toBe(3);
    expect(await tries(cut(), (count) => count < 10)).toBe(11);
  });

  it("are not made for what will not change", async () => {
    expect(await tries(new HttpFailure("no", { status: 403, isTransient: false }))).toBe(1);
    expect(await tries(new Error("a bug"))).toBe(1);
    expect(await tries(new HttpFailure("wait", { status: 429, isTransient: true, retryAfter: 11 }))).toBe(1);
    expect(await tries(new HttpFailure("wait", { status: 429, isTransient: true, retryAfter: 5 }))).toBe(3);
  });
});

describe("the meter", () => {
  it("averages over some seconds and counts kept bytes as here, not as fast", () => {
    let now = 0;
    const seen: DownloadProgress[] = [];
    const meter = new TransferMeter(
      (progress) => seen.push(progress),
      () => now,
    );
    const file = { model: "m", file: "f", total: 10_000 };
    meter.expect(10_000);
    meter.keep(4000);
    meter.begin(file, 4000);
    expect(seen.at(-1)).toMatchObject({ loaded: 4000, overall: { loaded: 4000, rate: 0, eta: undefined } });
    for (let loaded = 4100; loaded <= 5000; loaded += 100) {
      now += 1000;
      meter.advance(file, 100, loaded);
    }
    expect(seen.at(-1)).toMatchObject({
      loaded: 5000,
      eta: 50,
      overall: { loaded: 5000, total: 10_000, rate: 100, eta: 50 },
    });
    for (let loaded = 6000; loaded <= 10_000; loaded += 1000) {
      now += 2000;
      meter.advance(file, 1000, loaded);
    }
    expect(seen.at(-1)?.overall).toMatchObject({ loaded: 10_000, rate: 500, eta: 0 });
  });

  it("reports at most ten times a second", () => {
    let now = 0;
    let reports = 0;
    const meter = new TransferMeter(
      () => reports++,
      () => now,
    );
    const file = { model: "m", file: "f", total: 1000 };
    for (let loaded = 1; loaded <= 1000; loaded++) {
      now += 1;
      meter.advance(file, 1, loaded);
    }
    expect(reports).toBeLessThanOrEqual(11);
    expect(reports).toBeGreaterThanOrEqual(9);
  });
});
