/** From what the caller passed to bytes. */
import { SttError } from "../contract/errors.js";
import { errorText, throwIfAborted } from "./audio-errors.js";
import { type ByteSource, blobSource, memorySource, readableStreamChunks, streamSource } from "./byte-source.js";
import { loadHost } from "./host.js";
import type { AudioSource, RawAudio } from "./types.js";

export function isRawAudio(source: AudioSource): source is RawAudio {
  return typeof source === "object" && source !== null && "samples" in source && "rate" in source;
}

/** Short name of a source for messages. */
export function sourceName(source: AudioSource): string {
  if (typeof source === "string") {
    return source.startsWith("data:") ? "data: URL" : source;
  }
  if (source instanceof URL) {
    return source.protocol === "data:" ? "data: URL" : source.href;
  }
  if (isRawAudio(source)) {
    return "audio samples";
  }
  return source instanceof Uint8Array || source instanceof ArrayBuffer ? "audio bytes" : "audio stream";
}

export async function openSource(
  source: Exclude<AudioSource, RawAudio>,
  signal: AbortSignal | undefined,
): Promise<ByteSource> {
  throwIfAborted(signal);
  const name = sourceName(source);
  if (typeof source === "string" || source instanceof URL) {
    return openLocation(name, source, signal);
  }
  if (source instanceof Uint8Array) {
    return memorySource(name, source);
  }
  if (source instanceof ArrayBuffer) {
    return memorySource(name, new Uint8Array(source));
  }
  if (typeof Blob !== "undefined" && source instanceof Blob) {
    return blobSource(name, source);
  }
  if (typeof source === "object" && source !== null) {
    if (Symbol.asyncIterator in source) {
      return streamSource(name, source);
    }
    if (typeof ReadableStream !== "undefined" && source instanceof ReadableStream) {
      return streamSource(name, readableStreamChunks(source));
    }
  }
  throw notASource(source);
}

function notASource(source: unknown): SttError {
  const kind = source === null ? "null" : Array.isArray(source) ? "an array" : `a value of type ${typeof source}`;
  return new SttError("ERR_INVALID_ARGUMENT", `${kind} is not an audio source`, {
    remedy: "Pass a path, a URL, bytes (Uint8Array, ArrayBuffer, Blob), a stream of Uint8Array, or { samples, rate }.",
  });
}

async function openLocation(name: string, source: string | URL, signal: AbortSignal | undefined): Promise<ByteSource> {
  // A Windows path such as C:\a.wav also looks like a scheme: a scheme has two letters or more.
  const url = source instanceof URL ? source : /^(https?|file|data|blob):/i.test(source) ? new URL(source) : undefined;
  if (url !== undefined && url.protocol !== "file:") {
    return fetchSource(name, url, signal);
  }
  const host = await loadHost();
  if (host === undefined) {
    // A browser knows no paths: what is not absolute is meant from the page's own address.
    const base = globalThis.document?.baseURI ?? globalThis.location?.href;
    if (url === undefined && source !== "" && URL.canParse(String(source), base)) {
      return fetchSource(name, new URL(String(source), base), signal);
    }
    throw new SttError("ERR_INVALID_ARGUMENT", `${name}: there are no files here`, {
      remedy: "Pass an http(s) URL, a Blob, bytes or samples.",
    });
  }
  return host.openFile(url === undefined ? String(source) : host.pathOfUrl(url));
}

async function fetchSource(name: string, url: URL, signal: AbortSignal | undefined): Promise<ByteSource> {
  let response: Response;
  try {
    response = await fetch(url, { signal: signal ?? null });
  } catch (cause) {
    throwIfAborted(signal);
    throw new SttError("ERR_NETWORK", `${name}: cannot be fetched (${fetchFailure(cause)})`, {
      remedy: "Check the address and the connection.",
      cause,
    });
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw httpError(name, response);
  }
  if (response.body === null) {
    return memorySource(name, new Uint8Array(0));
  }
  return streamSource(name, networkChunks(name, response.body, signal));
}

/** undici reports "fetch failed" and puts what happened into the cause. */
function fetchFailure(cause: unknown): string {
  return cause instanceof Error && cause.cause !== undefined ? errorText(cause.cause) : errorText(cause);
}

function httpError(name: string, response: Response): SttError {
  const message = `${name}: the server answered ${response.status} ${response.statusText}`.trimEnd();
  switch (response.status) {
    case 404:
    case 410:
      return new SttError("ERR_FILE_NOT_FOUND", message, { remedy: "Check the address." });
    case 401:
    case 403:
      return new SttError("ERR_FILE_ACCESS", message, {
        remedy: "Fetch it with the credentials it needs and pass the bytes or the response's body.",
      });
    default:
      return new SttError("ERR_NETWORK", message, { remedy: "Try again later, or download the file first." });
  }
}

async function* networkChunks(
  name: string,
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* readableStreamChunks(body);
  } catch (cause) {
    throwIfAborted(signal);
    throw new SttError("ERR_NETWORK", `${name}: the connection broke (${fetchFailure(cause)})`, {
      remedy: "Try again, or download the file first.",
      cause,
    });
  }
}
