/** What the Hub says about a repository and its files. */
import { SttError } from "../contract/errors.js";
import { type HttpSettings, request, requireSuccess } from "./http.js";
import { failureOf } from "./http-failure.js";
import { isCommit } from "./model-reference.js";
import { withRetries } from "./retry.js";

export interface RepositoryListing {
  readonly commit: string;
  /** Paths of all files. */
  readonly files: ReadonlySet<string>;
  /** By path, if they were asked for and the Hub says them. */
  readonly contents: ReadonlyMap<string, FileContent>;
}

export interface FileContent {
  /** As in RemoteFile. */
  readonly etag: string;
  readonly size: number;
}

export interface RemoteFile {
  readonly path: string;
  /** Names the content: sha256 of a large file, git's hash of a small one. Safe as a file name. */
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  /** Where the bytes are; may be valid for some time only. */
  readonly location: string;
}

/** Fewer than for files, of which there may be much to lose: a wrong name on a machine without a line fails soon. */
const LISTING_ATTEMPTS = 3;

/**
 * Asks for a revision. `isQuick`: one try only, for callers that know another way. `withContents`: sizes and hashes, too.
 * Errors: HttpFailure, ERR_DOWNLOAD.
 */
export async function fetchListing(
  settings: HttpSettings,
  repository: string,
  revision: string,
  signal: AbortSignal | undefined,
  isQuick = false,
  withContents = false,
): Promise<RepositoryListing> {
  const query = withContents ? "?blobs=true" : "";
  const url = `${settings.endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}${query}`;
  const { retries } = settings;
  const attempts = isQuick ? 1 : Math.min(retries.attempts, LISTING_ATTEMPTS);
  const text = await withRetries(
    async () => {
      const answer = await request(settings, url, { timeout: settings.metadataTimeout, signal });
      return (await requireSuccess(answer)).text();
    },
    { ...retries, attempts },
    signal,
  );
  return readListing(text, url);
}

function readListing(text: string, url: string): RepositoryListing {
  const listing = parseObject(text);
  const siblings = listing?.["siblings"];
  const commit = listing?.["sha"];
  if (!Array.isArray(siblings) || typeof commit !== "string" || !isCommit(commit)) {
    throw notTheHub(`${url}: the answer is no description of a model`);
  }
  const files = new Set<string>();
  const contents = new Map<string, FileContent>();
  for (const sibling of siblings as unknown[]) {
    const { rfilename, size, blobId, lfs } = Object(sibling) as Record<string, unknown>;
    if (typeof rfilename !== "string") {
      continue;
    }
    files.add(rfilename);
    const etag = Object(lfs)["sha256"] ?? blobId;
    if (typeof size === "number" && typeof etag === "string") {
      contents.set(rfilename, { etag, size });
    }
  }
  return { commit, files, contents };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

export function fileUrl(settings: HttpSettings, repository: string, commit: string, path: string): string {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return `${settings.endpoint}/${repository}/resolve/${commit}/${encoded}`;
}

/** Asks for one file's hash, size and place. Errors: HttpFailure, ERR_DOWNLOAD. */
export async function fetchRemoteFile(
  settings: HttpSettings,
  repository: string,
  commit: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<RemoteFile> {
  const url = fileUrl(settings, repository, commit, path);
  const { response, url: answeredBy } = await withRetries(
    async () => {
      const answer = await request(settings, url, {
        method: "HEAD",
        timeout: settings.metadataTimeout,
        signal,
        // A large file lies elsewhere: the redirect itself carries what is asked for.
        isAnswer: ({ headers }) => headers.has("x-linked-etag"),
      });
      await answer.close();
      if (answer.response.status >= 400) {
        throw failureOf(answer.response);
      }
      return answer;
    },
    settings.retries,
    signal,
  );
  const { headers } = response;
  const etag = normaliseEtag(headers.get("x-linked-etag") ?? headers.get("etag"));
  const location = headers.get("location");
  // The length of a redirect is that of its own body.
  const length = headers.get("x-linked-size") ?? (location === null ? headers.get("content-length") : null);
  const servedCommit = headers.get("x-repo-commit");
  if (servedCommit !== null && servedCommit !== commit) {
    throw notTheHub(`${url}: the server answers for commit ${servedCommit}`);
  }
  if (etag === undefined || length === null || !/^\d{1,15}$/.test(length)) {
    throw notTheHub(`${url}: the server does not say size and ETag of the file`);
  }
  return {
    path,
    etag,
    size: Number(length),
    location: location === null ? answeredBy : new URL(location, answeredBy).href,
  };
}

/** W/"value" or "value" to value; undefined for what cannot name a file. */
function normaliseEtag(header: string | null): string | undefined {
  const value = header?.replace(/^W\//, "").replace(/^"|"$/g, "");
  return value !== undefined && /^[\w-]{1,128}$/.test(value) ? value : undefined;
}

function notTheHub(message: string): SttError {
  return new SttError("ERR_DOWNLOAD", message, {
    remedy: "If HF_ENDPOINT is set, check that it serves a Hub; otherwise check proxies in between.",
  });
}
