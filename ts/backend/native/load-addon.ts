/** Finds the addon and loads it; keeps the reason of every place that did not work. */
import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SttError } from "../../contract/errors.js";
import { statusError } from "../status-error.js";
import type { NativeModule } from "./addon-types.js";

/** KSTT_ABI_VERSION of the header that addon-types.ts was written for. */
export const ABI_VERSION = 4;

export type AddonVariant = "cpu" | "cuda";

/** Where an addon may be: its file, or why there is none. */
export interface AddonPlace {
  readonly name: string;
  readonly path?: string;
  readonly missing?: string;
}

const require = createRequire(import.meta.url);
// The same depth in ts/ and in dist/.
const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

/** As in the names of the platform packages: "linux-x64", "linux-x64-musl", "darwin-arm64". */
export function platformName(): string {
  return `${process.platform}-${process.arch}${usesMusl() ? "-musl" : ""}`;
}

function usesMusl(): boolean {
  if (process.platform !== "linux") {
    return false;
  }
  // Without this the report looks up the names of all open connections, which can take seconds.
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  const excludedNetwork = report.excludeNetwork ?? false;
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  report.excludeNetwork = excludedNetwork;
  return header.glibcVersionRuntime === undefined;
}

/** In the order of trying. KYUTAI_STT_ADDON names the file of the CPU addon: then no other place is looked at. */
export function addonPlaces(variant: AddonVariant): AddonPlace[] {
  const { KYUTAI_STT_ADDON: forced } = process.env;
  if (variant === "cpu" && forced !== undefined && forced !== "") {
    return [placeOfFile("KYUTAI_STT_ADDON", resolve(forced))];
  }
  const suffix = variant === "cpu" ? "" : `-${variant}`;
  return [
    placeOfPackage(`@kyutai-stt/${platformName()}${suffix}`),
    placeOfFile(`build/native${suffix}`, resolve(packageRoot, `build/native${suffix}/kstt.node`)),
  ];
}

function placeOfFile(name: string, path: string): AddonPlace {
  return existsSync(path) ? { name, path: realpathSync(path) } : { name, missing: `${path} does not exist` };
}

function placeOfPackage(name: string): AddonPlace {
  try {
    return { name, path: require.resolve(name) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return { name, missing: code === "MODULE_NOT_FOUND" ? "is not installed" : messageOf(error) };
  }
}

/** Loads one addon file and prepares it for this thread. Throws the reason when it does not fit. */
export function openAddon(path: string): NativeModule {
  const addon = require(path) as Partial<NativeModule>;
  if (addon.abiVersion !== ABI_VERSION) {
    const found = addon.abiVersion === undefined ? "no version" : `version ${addon.abiVersion}`;
    throw new Error(`its interface has ${found}, but this package needs version ${ABI_VERSION}`);
  }
  const native = addon as NativeModule;
  native.init(dirname(path), statusError);
  return native;
}

/**
 * The first addon that loads.
 *
 * @throws SttError ERR_BACKEND_UNAVAILABLE with one reason per place
 */
export function loadAddon(places: readonly AddonPlace[]): NativeModule {
  const reasons: string[] = [];
  for (const { name, path, missing } of places) {
    if (path === undefined) {
      reasons.push(`${name}: ${missing}`);
      continue;
    }
    try {
      return openAddon(path);
    } catch (error) {
      reasons.push(`${name}: ${path}: ${messageOf(error)}`);
    }
  }
  throw new SttError(
    "ERR_BACKEND_UNAVAILABLE",
    `no addon for ${platformName()} could be loaded (${reasons.join("; ")})`,
    {
      remedy: `Install the package @kyutai-stt/${platformName()}, or run "npm run build" in the folder of kyutai-stt.`,
    },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
