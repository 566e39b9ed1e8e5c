import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import {
  ABI_VERSION,
  type AddonPlace,
  addonPlaces,
  loadAddon,
  platformName,
} from "../../../ts/backend/native/load-addon.js";
import { cpuCandidate, cudaCandidate } from "../../../ts/backend/native/native-candidate.js";
import { probeAddon } from "../../../ts/backend/native/probe-child.js";

// Starting Node on a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000 });

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kstt-addon-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

/** A module file in place of an addon. */
function addonFile(name: string, source: string): string {
  const path = join(folder, name);
  writeFileSync(path, source);
  return path;
}

const GOOD = `exports.abiVersion = ${ABI_VERSION};
exports.init = (dir, makeError) => { exports.seen = [dir, typeof makeError]; };`;

test("the first place that loads wins and is told its folder and the error factory", () => {
  const path = addonFile("good.cjs", GOOD);
  const addon = loadAddon([
    { name: "elsewhere", missing: "is not installed" },
    { name: "here", path },
  ]);
  expect(addon).toMatchObject({ abiVersion: ABI_VERSION, seen: [folder, "function"] });
});

test("every place that fails is named with its reason, and the remedy says what to do", () => {
  const places: AddonPlace[] = [
    { name: "package", missing: "is not installed" },
    { name: "text", path: addonFile("text.node", "this is not a library") },
    { name: "old", path: addonFile("old.cjs", "exports.abiVersion = 0;") },
    { name: "alien", path: addonFile("alien.cjs", "exports.hello = 1;") },
    {
      name: "throws",
      path: addonFile("throws.cjs", `${GOOD} exports.init = () => { throw new Error("no kernels"); };`),
    },
  ];
  expect(() => loadAddon(places)).toThrow(
    expect.objectContaining({
      code: "ERR_BACKEND_UNAVAILABLE",
      remedy: expect.stringContaining("npm run build"),
      message: expect.stringMatching(
        /package: is not installed; text: .*text\.node.*; old: .*version 0.*version \d; alien: .*no version.*; throws: .*no kernels/s,
      ),
    }),
  );
});

test("KYUTAI_STT_ADDON is the only place looked at when it is set", async () => {
  const path = join(folder, "nowhere.node");
  vi.stubEnv("KYUTAI_STT_ADDON", path);
  expect(addonPlaces("cpu")).toEqual([{ name: "KYUTAI_STT_ADDON", missing: `${path} does not exist` }]);
  await expect(cpuCandidate.open()).rejects.toMatchObject({
    code: "ERR_BACKEND_UNAVAILABLE",
    message: expect.stringContaining("KYUTAI_STT_ADDON"),
  });
  expect(addonPlaces("cuda").map(({ name }) => name)).not.toContain("KYUTAI_STT_ADDON");
});

test("otherwise the platform's package comes first, then this package's own build", () => {
  vi.stubEnv("KYUTAI_STT_ADDON", "");
  expect(platformName()).toMatch(new RegExp(`^${process.platform}-${process.arch}(-musl)?$`));
  expect(addonPlaces("cpu").map(({ name }) => name)).toEqual([`@kyutai-stt/${platformName()}`, "build/native"]);
  expect(addonPlaces("cuda").map(({ name }) => name)).toEqual([
    `@kyutai-stt/${platformName()}-cuda`,
    "build/native-cuda",
  ]);
});

test("the cuda candidate opens, or says what it lacks", async () => {
  const outcome = cudaCandidate.open();
  if (!addonPlaces("cuda").some(({ path }) => path !== undefined)) {
    await expect(outcome).rejects.toMatchObject({
      code: "ERR_BACKEND_UNAVAILABLE",
      message: `no CUDA build of this package is installed for ${platformName()}`,
    });
    return;
  }
  // A build made here (tools/build-native.mjs --cuda): where there is no GPU for it, a child process has found out why.
  const kindOrReason = await outcome.then(
    (backend) => backend.kind,
    (error: Error) => error.message,
  );
  expect(kindOrReason).toMatch(
    /^cuda$|^a process that tried the addon .*(NVIDIA driver|CUDA found no device|no code for)/,
  );
});

test("an addon that loads passes the probe in a child process", async () => {
  await probeAddon(addonFile("probe-good.cjs", GOOD));
});

test.each([
  ["crash.cjs", "process.abort();", process.platform === "win32" ? /ended with exit code/ : /ended with SIGABRT/],
  ["exit.cjs", "process.exit(3);", /ended with exit code 3/],
  [
    "throw.cjs",
    `throw new Error("libcuda.so.1: cannot open shared object file");`,
    /Error: libcuda\.so\.1: cannot open/,
  ],
  ["version.cjs", "exports.abiVersion = 77;", /version 77.*version \d/],
  ["hang.cjs", "for (;;) {}", /gave no answer within 1 s/],
])("the probe survives and reports %s", async (name, source, reason) => {
  // A time limit and no measurement: only the one that hangs may take it.
  const limit = name === "hang.cjs" ? 1000 : 60_000;
  await expect(probeAddon(addonFile(name, source), limit)).rejects.toThrow(reason);
});
