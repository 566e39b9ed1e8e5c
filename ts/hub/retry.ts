/** Repeating what failed for a passing reason. */
import { SttError } from "../contract/errors.js";
import { HttpFailure } from "./http-failure.js";

export interface RetryPolicy {
  /** Tries in all without any progress in between. */
  readonly attempts: number;
  /** Milliseconds before the second try; doubled for each further one. */
  readonly firstDelay: number;
  readonly maxDelay: number;
  /** A server that asks for more than this is not waited for. Milliseconds. */
  readonly maxRetryAfter: number;
}

export const DEFAULT_RETRIES: RetryPolicy = {
  attempts: 6,
  firstDelay: 500,
  maxDelay: 8000,
  maxRetryAfter: 120_000,
};

/**
 * Runs `work` until it succeeds. `progressed` tells whether the last try got further than the one before, which makes
 * the next one a first try again.
 */
export async function withRetries<T>(
  work: () => Promise<T>,
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  progressed: () => boolean = () => false,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (progressed()) {
        attempt = 1;
      }
      await waitAfter(error, attempt, policy, signal);
    }
  }
}

/** Waits before the next try; throws `error` when there is to be none, because of it or after `attempt` tries. */
export async function waitAfter(
  error: unknown,
  attempt: number,
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
): Promise<void> {
  throwIfAborted(signal);
  const delay = delayAfter(error, attempt, policy);
  if (delay === undefined) {
    throw error;
  }
  await sleep(delay, signal);
}

/** Milliseconds; undefined: no other try. */
function delayAfter(error: unknown, attempt: number, policy: RetryPolicy): number | undefined {
  if (!(error instanceof HttpFailure) || !error.details.isTransient || attempt >= policy.attempts) {
    return undefined;
  }
  const { retryAfter } = error.details;
  if (retryAfter !== undefined) {
    return retryAfter > policy.maxRetryAfter ? undefined : retryAfter;
  }
  const delay = Math.min(policy.maxDelay, policy.firstDelay * 2 ** (attempt - 1));
  // Spread, so that many clients that failed together do not come back together.
  return delay * (0.5 + Math.random() / 2);
}

export function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(abortError(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) {
      stop();
    }
  });
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw abortError(signal);
  }
}

function abortError(signal: AbortSignal | undefined): SttError {
  return new SttError("ERR_ABORTED", "the download was aborted", { cause: signal?.reason });
}
