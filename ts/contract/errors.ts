/**
 * The one error type of the package.
 *
 * `code` is stable and meant for programs; `message` names the cause; `remedy` says what to do about it.
 */
export type SttErrorCode =
  | "ERR_INVALID_ARGUMENT"
  | "ERR_INVALID_STATE"
  | "ERR_BUSY"
  | "ERR_FILE_NOT_FOUND"
  | "ERR_FILE_ACCESS"
  | "ERR_MODEL_FORMAT"
  | "ERR_MODEL_UNSUPPORTED"
  | "ERR_INVALID_AUDIO"
  | "ERR_UNSUPPORTED_AUDIO"
  | "ERR_OUT_OF_MEMORY"
  | "ERR_BACKEND_UNAVAILABLE"
  | "ERR_BACKEND_CRASHED"
  | "ERR_NO_SLOT"
  | "ERR_INVALID_SNAPSHOT"
  | "ERR_DISPOSED"
  | "ERR_ABORTED"
  | "ERR_NETWORK"
  | "ERR_HUB_NOT_FOUND"
  | "ERR_HUB_ACCESS"
  | "ERR_HUB_OFFLINE"
  | "ERR_DOWNLOAD"
  | "ERR_DISK_FULL"
  | "ERR_INTERNAL";

export interface SttErrorOptions {
  /** What the caller can do about it. */
  remedy?: string;
  cause?: unknown;
}

/** Every error of this package: a `code` for programs, a message for people, a `remedy` where there is one. */
export class SttError extends Error {
  /** What kind of failure it is. */
  readonly code: SttErrorCode;
  /** What the caller can do about it. */
  readonly remedy: string | undefined;

  constructor(code: SttErrorCode, message: string, options: SttErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    // An abort must look like one to code that tests error.name, as fetch and the streams do.
    this.name = code === "ERR_ABORTED" ? "AbortError" : "SttError";
    this.code = code;
    this.remedy = options.remedy;
  }
}

/** Index = kstt_status of cpp/include/kstt.h. */
export const STATUS_CODES: readonly SttErrorCode[] = [
  "ERR_INTERNAL", // OK never becomes an error
  "ERR_INVALID_ARGUMENT",
  "ERR_INVALID_STATE",
  "ERR_BUSY",
  "ERR_FILE_NOT_FOUND",
  "ERR_FILE_ACCESS",
  "ERR_MODEL_FORMAT",
  "ERR_MODEL_UNSUPPORTED",
  "ERR_INVALID_AUDIO",
  "ERR_OUT_OF_MEMORY",
  "ERR_BACKEND_UNAVAILABLE",
  "ERR_NO_SLOT",
  "ERR_INTERNAL",
  "ERR_INVALID_SNAPSHOT",
  "ERR_DISK_FULL",
];
