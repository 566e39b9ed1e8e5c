/** A web server of one folder: ranges, ETags, types; with the two headers that allow shared memory, or without. */
import { createReadStream, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".wav": "audio/wav",
  ".svg": "image/svg+xml",
};

export interface StaticServer {
  readonly url: string;
  /** Paths asked for so far, with their ranges, in order. */
  readonly requests: string[];
  /** Called before an answer; true: it has answered. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  close(): Promise<void>;
}

export async function serveFolder(folder: string, isolated = false): Promise<StaticServer> {
  const requests: string[] = [];
  const state: { intercept: StaticServer["intercept"] } = { intercept: undefined };
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers.range ?? ""}`.trim());
    if (isolated) {
      response.setHeader("cross-origin-opener-policy", "same-origin");
      response.setHeader("cross-origin-embedder-policy", "require-corp");
      response.setHeader("cross-origin-resource-policy", "same-origin");
    }
    if (state.intercept?.(request, response) !== true) {
      answer(folder, request, response);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    requests,
    get intercept() {
      return state.intercept;
    },
    set intercept(next) {
      state.intercept = next;
    },
    close: () => closeServer(server),
  };
}

/** A file of `folder`, or 404. */
export function answer(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname));
  const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
  let stats: ReturnType<typeof statSync>;
  try {
    stats = statSync(file);
    if (!stats.isFile()) throw new Error("a folder");
  } catch {
    response.writeHead(404).end();
    return;
  }
  const { size, mtimeMs } = stats;
  response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
  response.setHeader("etag", `"${size}-${Math.trunc(mtimeMs)}"`);
  response.setHeader("accept-ranges", "bytes");
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const start = Number(first ?? 0);
  const end = Math.min(last === undefined || last === "" ? size - 1 : Number(last), size - 1);
  response.setHeader("content-length", Math.max(end - start + 1, 0));
  if (first !== undefined) {
    response.setHeader("content-range", `bytes ${start}-${end}/${size}`);
  }
  response.writeHead(first === undefined ? 200 : 206);
  if (request.method === "HEAD" || size === 0) {
    response.end();
    return;
  }
  createReadStream(file, { start, end })
    .on("error", () => response.destroy())
    .pipe(response);
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
