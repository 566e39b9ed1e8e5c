/** A Hub on the loopback interface, with a second server for large files, and faults on demand. */
import { createHash } from "node:crypto";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

export interface HubRepository {
  readonly commit: string;
  /** Branches and tags; "main" is this commit. */
  readonly refs?: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, Uint8Array>>;
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** "hub" or "cdn". */
  readonly server: string;
}

/** What may be done to an answer. Return true if it was answered. */
export type Fault = (request: IncomingMessage, response: ServerResponse, path: string) => boolean | Promise<boolean>;

/** Files of at least this many bytes lie on the other server and are named by their sha256. */
const LARGE = 64;

export const COMMIT = "a".repeat(40);
export const OTHER_COMMIT = "b".repeat(40);

const hashes = new WeakMap<Uint8Array, string>();

export function sha256(bytes: Uint8Array): string {
  const hash = hashes.get(bytes) ?? createHash("sha256").update(bytes).digest("hex");
  hashes.set(bytes, hash);
  return hash;
}

function gitHash(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

export function etagOf(bytes: Uint8Array): string {
  return bytes.length >= LARGE ? sha256(bytes) : gitHash(bytes);
}

export class HubServer {
  readonly repositories = new Map<string, HubRepository>();
  readonly seen: SeenRequest[] = [];
  /** Body bytes sent by the second server. */
  cdnBytes = 0;
  /** Large bodies under way. */
  sending = 0;
  hubFault: Fault | undefined;
  cdnFault: Fault | undefined;
  ignoresRanges = false;
  /** Milliseconds between two pieces of 64 KiB of a body. */
  delay = 0;
  readonly #hub = createServer((request, response) => void this.#answer(request, response));
  readonly #cdn = createServer((request, response) => void this.#serveLarge(request, response));

  static async start(): Promise<HubServer> {
    const server = new HubServer();
    await Promise.all([listen(server.#hub), listen(server.#cdn)]);
    return server;
  }

  async stop(): Promise<void> {
    await Promise.all([close(this.#hub), close(this.#cdn)]);
  }

  get endpoint(): string {
    return addressOf(this.#hub);
  }

  get cdnEndpoint(): string {
    return addressOf(this.#cdn);
  }

  requests(method: string, server = "cdn"): SeenRequest[] {
    return this.seen.filter((request) => request.method === method && request.server === server);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = this.#note(request, "hub");
    if (await this.hubFault?.(request, response, path)) {
      return;
    }
    const [, listed, revision] = /^\/api\/models\/(.+?)\/revision\/(.+)$/.exec(path) ?? [];
    if (listed !== undefined) {
      return this.#list(response, listed, revision ?? "");
    }
    const [, name = "", commit = "", file = ""] = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path) ?? [];
    const repository = this.repositories.get(name);
    const bytes = repository?.files[file];
    if (repository === undefined || bytes === undefined || this.#resolve(repository, commit) === undefined) {
      return notFound(response, repository === undefined ? "RepoNotFound" : "EntryNotFound");
    }
    response.setHeader("x-repo-commit", repository.commit);
    if (bytes.length >= LARGE) {
      response.setHeader("x-linked-etag", `"${sha256(bytes)}"`);
      response.setHeader("x-linked-size", bytes.length);
      response.setHeader("location", `${this.cdnEndpoint}/${sha256(bytes)}?signed=1`);
      response.writeHead(302).end("Found");
      return;
    }
    response.setHeader("etag", `"${gitHash(bytes)}"`);
    return this.#send(request, response, bytes);
  }

  async #serveLarge(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = this.#note(request, "cdn");
    if (await this.cdnFault?.(request, response, path)) {
      return;
    }
    const hash = path.slice(1, 65);
    for (const { files } of this.repositories.values()) {
      const bytes = Object.values(files).find((candidate) => sha256(candidate) === hash);
      if (bytes !== undefined) {
        return this.#send(request, response, bytes);
      }
    }
    notFound(response, "EntryNotFound");
  }

  /** A body in pieces, whole or the asked range. */
  async #send(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array): Promise<void> {
    const [, first = "", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    let [start, end] = [0, bytes.length];
    if (first !== "" && !this.ignoresRanges) {
      start = Number(first);
      end = last === "" ? bytes.length : Math.min(Number(last) + 1, bytes.length);
      if (start >= bytes.length) {
        response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
        return;
      }
      response.statusCode = 206;
      response.setHeader("content-range", `bytes ${start}-${end - 1}/${bytes.length}`);
    }
    response.setHeader("content-length", end - start);
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    this.sending++;
    for (let position = start; position < end && !response.destroyed; position += 65_536) {
      const piece = bytes.subarray(position, Math.min(position + 65_536, end));
      this.cdnBytes += piece.length;
      response.write(piece);
      if (this.delay > 0) {
        await new Promise((resolve) => setTimeout(resolve, this.delay));
      }
    }
    this.sending--;
    response.end();
  }

  #list(response: ServerResponse, name: string, revision: string): void {
    const repository = this.repositories.get(name);
    const sha = repository && this.#resolve(repository, revision);
    if (repository === undefined || sha === undefined) {
      notFound(response, repository === undefined ? "RepoNotFound" : "RevisionNotFound");
      return;
    }
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({ id: name, sha, siblings: Object.keys(repository.files).map((rfilename) => ({ rfilename })) }),
    );
  }

  #resolve({ commit, refs = {} }: HubRepository, revision: string): string | undefined {
    return revision === "main" || revision === commit ? commit : refs[revision];
  }

  #note(request: IncomingMessage, server: string): string {
    const path = decodeURIComponent(request.url ?? "");
    this.seen.push({ method: request.method ?? "", path, headers: request.headers, server });
    return path;
  }
}

/** Sends the beginning of `bytes` with the length of all of it, then breaks the connection. */
export function cutAfter(response: ServerResponse, bytes: Uint8Array, sent: number): void {
  response.setHeader("content-length", bytes.length);
  response.flushHeaders();
  response.write(bytes.subarray(0, sent), () => setImmediate(() => response.destroy()));
}

export function answerStatus(response: ServerResponse, status: number, headers: Record<string, string> = {}): true {
  response.writeHead(status, headers).end("no");
  return true;
}

function notFound(response: ServerResponse, code: string): void {
  response.writeHead(404, { "x-error-code": code }).end("Not found");
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
