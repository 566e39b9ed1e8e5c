/** The environment variables of Python's huggingface_hub, read each time: a program may set them late. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { SttError } from "../contract/errors.js";
import type { HttpSettings } from "./http.js";
import type { RetryPolicy } from "./retry.js";
import type { HubOptions } from "./types.js";

const ENDPOINT = "https://huggingface.co";
/** Seconds; the defaults of huggingface_hub. */
const TIMEOUT = 10;
const CONNECTIONS = 4;

type Environment = Readonly<Record<string, string | undefined>>;

/** HF_HOME: the folder of everything; HF_HUB_CACHE or HUGGINGFACE_HUB_CACHE: that of the models. */
export function cacheFolder(options: HubOptions, env: Environment = process.env): string {
  const folder =
    options.cache_dir ??
    text(env["HF_HUB_CACHE"]) ??
    text(env["HUGGINGFACE_HUB_CACHE"]) ??
    join(homeFolder(env), "hub");
  return expand(folder, env);
}

function homeFolder(env: Environment): string {
  const cache = text(env["XDG_CACHE_HOME"]) ?? join(homedir(), ".cache");
  return expand(text(env["HF_HOME"]) ?? join(cache, "huggingface"), env);
}

export function isOffline(options: HubOptions, env: Environment = process.env): boolean {
  return options.local_files_only ?? (isTrue(env["HF_HUB_OFFLINE"]) || isTrue(env["TRANSFORMERS_OFFLINE"]));
}

export function avoidsLinks(env: Environment = process.env): boolean {
  return isTrue(env["HF_HUB_DISABLE_SYMLINKS"]);
}

export async function httpSettings(
  options: HubOptions,
  retries: RetryPolicy,
  env: Environment = process.env,
): Promise<HttpSettings> {
  return {
    endpoint: endpointOf(env),
    token: await tokenOf(options, env),
    userAgent: `kyutai-stt; node/${process.versions.node}`,
    metadataTimeout: seconds(env["HF_HUB_ETAG_TIMEOUT"]) * 1000,
    downloadTimeout: seconds(env["HF_HUB_DOWNLOAD_TIMEOUT"]) * 1000,
    retries,
    connections: CONNECTIONS,
  };
}

function endpointOf(env: Environment): string {
  const endpoint = (text(env["HF_ENDPOINT"]) ?? ENDPOINT).replace(/\/+$/, "");
  if (!/^https?:/i.test(endpoint) || !URL.canParse(endpoint)) {
    throw new SttError("ERR_INVALID_ARGUMENT", `HF_ENDPOINT is not an address: "${endpoint}"`, {
      remedy: `Set it to something like ${ENDPOINT}, or leave it out.`,
    });
  }
  return endpoint;
}

/** A token given by the caller is sent; one that lies around is not where HF_HUB_DISABLE_IMPLICIT_TOKEN says so. */
async function tokenOf({ token }: HubOptions, env: Environment): Promise<string | undefined> {
  if (token !== undefined) {
    return token === false ? undefined : text(token.trim());
  }
  if (isTrue(env["HF_HUB_DISABLE_IMPLICIT_TOKEN"])) {
    return undefined;
  }
  return text(env["HF_TOKEN"]?.trim()) ?? text(env["HUGGING_FACE_HUB_TOKEN"]?.trim()) ?? (await storedToken(env));
}

/** What `hf auth login` has written. */
async function storedToken(env: Environment): Promise<string | undefined> {
  const path = expand(text(env["HF_TOKEN_PATH"]) ?? join(homeFolder(env), "token"), env);
  try {
    return text((await readFile(path, "utf8")).trim());
  } catch {
    // Nobody has logged in here; a private repository will say so.
    return undefined;
  }
}

function expand(path: string, env: Environment): string {
  const home = path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
  return resolve(home.replace(/\$(?:\{(\w+)\}|(\w+))/g, (all, braced, bare) => env[braced ?? bare] ?? all));
}

function text(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

function isTrue(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes((value ?? "").toUpperCase());
}

function seconds(value: string | undefined): number {
  const number = Number(value);
  return value !== undefined && number > 0 && Number.isFinite(number) ? number : TIMEOUT;
}
