/** Requests to the Hub and to the servers it sends clients to. */
import { connectionFailure, failureOf, HttpFailure } from "./http-failure.js";
import { type RetryPolicy, throwIfAborted } from "./retry.js";

export interface HttpSettings {
  /** The Hub's address without a final slash. */
  readonly endpoint: string;
  readonly token: string | undefined;
  /** undefined: the platform's own, as browsers have it. */
  readonly userAgent: string | undefined;
  /**
   * "manual": each hop is looked at, and the token goes to the endpoint only. "follow": by the platform, which drops the
   * token on the way to another origin; browsers show no redirect to scripts.
   */
  readonly redirects?: "manual" | "follow";
  /** Milliseconds without an answer, or without a byte of one, after which a connection counts as lost. */
  readonly metadataTimeout: number;
  readonly downloadTimeout: number;
  readonly retries: RetryPolicy;
  /** Parts of a file that are fetched at once. */
  readonly connections: number;
}

export interface HttpRequest {
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  /** A redirect that is an answer by itself and is not followed. */
  readonly isAnswer?: (response: Response) => boolean;
}

export interface HttpAnswer {
  readonly response: Response;
  /** The address that answered, after redirects. */
  readonly url: string;
  /** The body; each chunk renews the time limit. Ends with an HttpFailure if the connection breaks. */
  body(): AsyncGenerator<Uint8Array>;
  text(): Promise<string>;
  /** Ends the request; needed unless the body was read to its end. */
  close(): Promise<void>;
}

const MAX_REDIRECTS = 10;

/**
 * One request, redirects followed by hand: the Authorization header goes to the endpoint's own origin and nowhere else.
 *
 * Errors: HttpFailure, ERR_ABORTED.
 */
export async function request(settings: HttpSettings, url: string, options: HttpRequest): Promise<HttpAnswer> {
  let target = url;
  for (let redirects = 0; ; redirects++) {
    const watch = new Watch(options.timeout, options.signal);
    const response = await send(settings, target, options, watch);
    const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
    if (location === null || options.isAnswer?.(response)) {
      return answer(response, target, watch, options.signal);
    }
    await discard(response);
    watch.end();
    if (redirects >= MAX_REDIRECTS || !URL.canParse(location, target)) {
      throw new HttpFailure(`the server redirects in circles or to nowhere (${location})`, {
        status: response.status,
        isTransient: false,
      });
    }
    target = new URL(location, target).href;
  }
}

async function send(settings: HttpSettings, url: string, options: HttpRequest, watch: Watch): Promise<Response> {
  throwIfAborted(options.signal);
  const headers: Record<string, string> = { ...options.headers };
  if (settings.userAgent !== undefined) {
    headers["user-agent"] = settings.userAgent;
    // Compressed, a file would have neither its own length nor its own ranges. Browsers decide this by themselves.
    headers["accept-encoding"] = "identity";
  }
  if (settings.token !== undefined && new URL(url).origin === new URL(settings.endpoint).origin) {
    headers["authorization"] = `Bearer ${settings.token}`;
  }
  try {
    const { redirects: redirect = "manual" } = settings;
    return await fetch(url, { method: options.method ?? "GET", headers, redirect, signal: watch.signal });
  } catch (cause) {
    watch.end();
    throwIfAborted(options.signal);
    throw watch.failure ?? connectionFailure(cause);
  }
}

function answer(response: Response, url: string, watch: Watch, signal: AbortSignal | undefined): HttpAnswer {
  async function* body(): AsyncGenerator<Uint8Array> {
    const reader = response.body?.getReader();
    try {
      for (;;) {
        watch.renew();
        const chunk = await reader?.read();
        // The receiver may take its time.
        watch.pause();
        if (chunk === undefined || chunk.done) {
          return;
        }
        yield chunk.value;
      }
    } catch (cause) {
      throwIfAborted(signal);
      throw watch.failure ?? connectionFailure(cause);
    } finally {
      watch.end();
      // The connection may be broken already: then there is nothing to end.
      await reader?.cancel().catch(() => {});
    }
  }
  async function close(): Promise<void> {
    watch.end();
    await discard(response);
  }
  async function text(): Promise<string> {
    const decoder = new TextDecoder();
    let result = "";
    for await (const chunk of body()) {
      result += decoder.decode(chunk, { stream: true });
    }
    return result + decoder.decode();
  }
  return { response, url, body, text, close };
}

/** The answer, if it is a success; the failure otherwise. */
export async function requireSuccess(answered: HttpAnswer): Promise<HttpAnswer> {
  if (answered.response.ok) {
    return answered;
  }
  await answered.close();
  throw failureOf(answered.response);
}

async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

/** Ends a request when the caller says so, or when nothing has come for too long. */
class Watch {
  failure: HttpFailure | undefined;
  readonly #controller = new AbortController();
  readonly #timeout: number;
  readonly #outer: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #stop = (): void => this.#controller.abort(this.#outer?.reason);

  constructor(timeout: number, outer: AbortSignal | undefined) {
    this.#timeout = timeout;
    this.#outer = outer;
    outer?.addEventListener("abort", this.#stop, { once: true });
    this.renew();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  pause(): void {
    clearTimeout(this.#timer);
  }

  renew(): void {
    this.pause();
    this.#timer = setTimeout(() => {
      this.failure = new HttpFailure(`nothing came for ${this.#timeout / 1000} s`, { isTransient: true });
      this.#controller.abort(this.failure);
    }, this.#timeout);
  }

  end(): void {
    this.pause();
    this.#outer?.removeEventListener("abort", this.#stop);
  }
}
