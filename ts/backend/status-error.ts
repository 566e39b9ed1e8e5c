/** Failures of the core (a kstt_status and its message) as the package's error, with what to do about them. */
import { STATUS_CODES, SttError, type SttErrorCode } from "../contract/errors.js";

/** What backends report for a call on a disposed object; kstt_status has no such value. */
const DISPOSED_STATUS = -1;

const REMEDIES: Partial<Record<SttErrorCode, string>> = {
  ERR_BUSY: "Await the running call first; for work in parallel, load the model once more or use more slots.",
  ERR_FILE_NOT_FOUND: "Check the path; a model is a folder with config.json, the tokenizer and safetensors files.",
  ERR_DISK_FULL: "Free some space, or write to another disk.",
  ERR_FILE_ACCESS: "Check the permissions of the file and of the folders above it.",
  ERR_MODEL_FORMAT: "Fetch the model's files again and compare their sizes with those at the source.",
  ERR_MODEL_UNSUPPORTED: "Use a Kyutai speech-to-text checkpoint in the transformers layout.",
  ERR_INVALID_AUDIO: "Give finite samples in [-1, 1] and the rate they were recorded at, in Hz.",
  ERR_OUT_OF_MEMORY: "Use fewer slots or shorter inputs, a smaller model, or a machine with more memory.",
  ERR_BACKEND_UNAVAILABLE: 'Choose another backend, or "auto".',
  ERR_NO_SLOT: "Dispose a session that is no longer needed, or load the model with more slots.",
  ERR_INVALID_SNAPSHOT: "Restore what snapshot() gave, with the same model and version of this package.",
  ERR_INTERNAL: "This is a defect of the library: please report it with this message.",
};

export function codedError(code: SttErrorCode, message: string): SttError {
  const remedy = REMEDIES[code];
  return new SttError(code, message, remedy === undefined ? {} : { remedy });
}

/** `what`: the kind of object, e.g. "session". */
export function disposedError(what: string): SttError {
  return new SttError("ERR_DISPOSED", `the ${what} was disposed`, { remedy: `Make a new ${what}.` });
}

/** `status`: a kstt_status other than OK, or DISPOSED_STATUS. */
export function statusError(status: number, message: string): SttError {
  if (status === DISPOSED_STATUS) {
    return new SttError("ERR_DISPOSED", message, { remedy: "Make a new object." });
  }
  return codedError(STATUS_CODES[status] ?? "ERR_INTERNAL", message);
}
