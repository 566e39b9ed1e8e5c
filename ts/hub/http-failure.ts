/** Failed requests: what happened, whether another try can help, and what to tell the user. */
import { SttError } from "../contract/errors.js";

export interface FailureDetails {
  /** HTTP status; undefined: no answer came. */
  readonly status?: number;
  /** The Hub's own name of the error, such as "GatedRepo". */
  readonly hubCode?: string | undefined;
  /** Milliseconds the server asks to wait. */
  readonly retryAfter?: number | undefined;
  /** Another try may succeed. */
  readonly isTransient: boolean;
}

export class HttpFailure extends Error {
  readonly details: FailureDetails;

  constructor(message: string, details: FailureDetails, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.details = details;
  }
}

const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** A failure from an answer that is not what was asked for. Its body must be cancelled by the caller. */
export function failureOf(response: Response): HttpFailure {
  const { status, statusText, headers } = response;
  return new HttpFailure(`the server answered ${status} ${statusText}`.trimEnd(), {
    status,
    hubCode: headers.get("x-error-code") ?? undefined,
    retryAfter: readRetryAfter(headers, Date.now()),
    isTransient: TRANSIENT_STATUSES.has(status),
  });
}

/** No answer, or one that broke off. */
export function connectionFailure(cause: unknown): HttpFailure {
  return new HttpFailure(connectionText(cause), { isTransient: true }, cause);
}

/** fetch reports "fetch failed" and puts what happened into the cause. */
function connectionText(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
  const text = inner instanceof Error ? inner.message : String(inner);
  const code = inner instanceof Error && "code" in inner ? String(inner.code) : "";
  return text === "" ? `the connection failed (${code})` : `the connection failed (${text})`;
}

/** Retry-After in seconds or as a date, else the reset time of the RateLimit header of the Hub. */
function readRetryAfter(headers: Headers, now: number): number | undefined {
  const value = headers.get("retry-after")?.trim();
  if (value !== undefined) {
    const milliseconds = /^\d+$/.test(value) ? 1000 * Number(value) : Date.parse(value) - now;
    if (Number.isFinite(milliseconds)) {
      return Math.max(0, milliseconds);
    }
  }
  const reset = /(?:^|;)\s*t=(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1];
  return reset === undefined ? undefined : 1000 * Number(reset);
}

/** A failure in the words of the package; `what` names the model or file that was asked for. */
export function toSttError(failure: unknown, what: string, isAuthorised: boolean): unknown {
  if (!(failure instanceof HttpFailure)) {
    return failure;
  }
  const { status, hubCode } = failure.details;
  const message = `${what}: ${failure.message}`;
  const error = (code: SttError["code"], text: string, remedy: string): SttError =>
    new SttError(code, text, { remedy, cause: failure });
  if (status === 404 || hubCode === "RepoNotFound") {
    return error("ERR_HUB_NOT_FOUND", `${notFoundText(what, hubCode)} (${failure.message})`, NOT_FOUND_REMEDY);
  }
  if (status === 401 || status === 403) {
    return error("ERR_HUB_ACCESS", message, accessRemedy(hubCode, isAuthorised));
  }
  if (status === 429) {
    return error("ERR_NETWORK", message, "The server limits requests: wait some minutes, or log in with a token.");
  }
  if (failure.details.isTransient) {
    return error("ERR_NETWORK", message, "Check the connection and try again; what was downloaded is kept.");
  }
  return error("ERR_DOWNLOAD", message, "Try again later; if HF_ENDPOINT is set, check that it serves a Hub.");
}

const NOT_FOUND_REMEDY = "Check the name and the revision; a private repository also needs a token (HF_TOKEN).";

function notFoundText(what: string, hubCode: string | undefined): string {
  switch (hubCode) {
    case "RevisionNotFound":
      return `${what}: the repository has no such revision`;
    case "EntryNotFound":
      return `${what}: the repository has no such file`;
    default:
      return `${what}: not on the Hub, or private`;
  }
}

function accessRemedy(hubCode: string | undefined, isAuthorised: boolean): string {
  if (hubCode === "GatedRepo") {
    return "Accept the conditions on the model's page, then pass a token of that account (HF_TOKEN).";
  }
  return isAuthorised
    ? "Check that the token is valid and may read this repository."
    : "Check the name; for a private repository set HF_TOKEN, or log in with `hf auth login`.";
}
