/** A model behind a URL: a folder that some web server has, or one file of weights. */
import { SttError } from "../contract/errors.js";
import { once, parse, readAll } from "./browser-hub.js";
import { browserSettings } from "./browser-settings.js";
import { type HttpSettings, request } from "./http.js";
import { failureOf, HttpFailure } from "./http-failure.js";
import type { PartStore } from "./part-store.js";
import { RemoteFile, type RemoteFileOptions } from "./remote-file.js";
import { withRetries } from "./retry.js";
import { KNOWN_FILES, selectFiles } from "./select-files.js";
import { TransferMeter } from "./transfer-meter.js";
import type { HubOptions } from "./types.js";

export interface UrlModel {
  readonly files: readonly RemoteFile[];
  readonly entry: string | undefined;
}

/** What a server has said of a file; kept for times without a connection. */
interface Probe {
  readonly size: number;
  /** ETag or date, whichever the server gives. */
  readonly version: string;
}

/** A wrong address should not take long to be found out. */
const PROBE_ATTEMPTS = 3;

const WEIGHTS = /\.(gguf|safetensors)$/i;

/**
 * `url`: of a folder (it need not end with a slash) or of a file of weights; what the model needs is looked for beside
 * it. Nothing large is fetched before the files are read.
 *
 * Errors: ERR_FILE_NOT_FOUND (nothing there), ERR_NETWORK, ERR_MODEL_FORMAT, ERR_MODEL_UNSUPPORTED, ERR_ABORTED.
 */
export async function findUrlModel(url: URL, options: HubOptions, store: PartStore): Promise<UrlModel> {
  const named = WEIGHTS.test(url.pathname);
  const folder = new URL(url.pathname.endsWith("/") || named ? "." : `${url.pathname}/`, url);
  const entry = named ? decodeURIComponent(url.pathname.replace(/^.*\//, "")) : undefined;
  const settings = browserSettings(false);
  const meter = new TransferMeter(options.onProgress);
  const explain = (error: unknown): unknown => explainUrl(error, url);
  const warn = options.onWarning ?? (() => {});
  const onFull = once(() => warn(`${url}: this browser has no room to keep the model; it will be fetched again`));
  const common: RemoteFileOptions = {
    settings,
    store,
    meter,
    signal: options.signal,
    model: url.href,
    explain,
    onFull,
  };
  const addressOf = (name: string): string =>
    name === entry ? url.href : new URL(name.split("/").map(encodeURIComponent).join("/"), folder).href;
  const probes = new Map<string, Probe | undefined>();
  const look = async (name: string): Promise<Probe | undefined> => {
    if (!probes.has(name)) {
      probes.set(name, await probe(settings, store, addressOf(name), options.signal));
    }
    return probes.get(name);
  };
  const open = (name: string, { size, version }: Probe, to: RemoteFileOptions): RemoteFile => {
    const address = addressOf(name);
    return new RemoteFile(
      name,
      { key: `${address} ${version} ${size}`, etag: undefined },
      { size, locate: async () => address },
      to,
    );
  };
  try {
    const beside = entry === undefined ? KNOWN_FILES : [entry, ...KNOWN_FILES.filter((name) => name.endsWith(".json"))];
    await Promise.all(beside.map(look));
    const silent = { ...common, meter: new TransferMeter(undefined) };
    const readJson = async (name: string): Promise<Record<string, unknown>> => {
      const found = await look(name);
      if (found === undefined) {
        throw notThere(addressOf(name));
      }
      return parse(await readAll(open(name, found, silent)), addressOf(name));
    };
    const names = new Set([...probes].flatMap(([name, found]) => (found === undefined ? [] : [name])));
    if (names.size === 0) {
      throw notThere(url.href);
    }
    const selection = await selectFiles(url.href, names, readJson, entry);
    const files: RemoteFile[] = [];
    for (const name of [...selection.files, ...selection.weights]) {
      const found = await look(name);
      if (found === undefined) {
        throw notThere(addressOf(name));
      }
      meter.expect(found.size);
      files.push(open(name, found, common));
    }
    return { files, entry };
  } catch (error) {
    throw explain(error);
  }
}

/** undefined: there is no such file. */
async function probe(
  settings: HttpSettings,
  store: PartStore,
  url: string,
  signal: AbortSignal | undefined,
): Promise<Probe | undefined> {
  const name = `probe ${url}`;
  const kept = (await store.recall(name)) as { found: Probe | null } | undefined;
  try {
    const attempts = kept === undefined ? PROBE_ATTEMPTS : 1;
    const found = await withRetries(() => ask(settings, url, signal), { ...settings.retries, attempts }, signal);
    await store.remember(name, { found: found ?? null });
    return found;
  } catch (error) {
    if (kept === undefined || !(error instanceof HttpFailure) || error.details.status !== undefined) {
      throw error;
    }
    return kept.found ?? undefined;
  }
}

async function ask(settings: HttpSettings, url: string, signal: AbortSignal | undefined): Promise<Probe | undefined> {
  const { response, close } = await request(settings, url, {
    method: "HEAD",
    timeout: settings.metadataTimeout,
    signal,
  });
  await close();
  const { status, headers } = response;
  // Servers of one page answer with that page for everything they do not have.
  if (status === 404 || status === 410 || (headers.get("content-type") ?? "").startsWith("text/html")) {
    return undefined;
  }
  if (!response.ok) {
    throw failureOf(response);
  }
  const length = headers.get("content-length");
  const version = headers.get("etag") ?? headers.get("last-modified") ?? "";
  if (length !== null && headers.get("content-encoding") === null) {
    return { size: Number(length), version };
  }
  // Compressed on the way, as small texts often are: only the content itself tells its length.
  const whole = await request(settings, url, { timeout: settings.downloadTimeout, signal });
  let size = 0;
  for await (const chunk of whole.body()) {
    size += chunk.length;
  }
  return { size, version };
}

function explainUrl(error: unknown, url: URL): unknown {
  if (!(error instanceof HttpFailure)) {
    return error;
  }
  return new SttError("ERR_NETWORK", `${url}: ${error.message}`, {
    remedy: "Check the address and the connection; a server of another origin must allow this page (CORS).",
    cause: error,
  });
}

function notThere(url: string): SttError {
  return new SttError("ERR_FILE_NOT_FOUND", `${url}: there is no such file`, {
    remedy: "Pass the URL of a folder with config.json and the weights, or of a .gguf file.",
  });
}
