/** Files of the Hub where there is no disk: in parts, checked by their hash. */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { createBrowserHash } from "../../../ts/hub/browser-hash.js";
import { browserSettings } from "../../../ts/hub/browser-settings.js";
import type { PartStore } from "../../../ts/hub/part-store.js";
import { RemoteFile } from "../../../ts/hub/remote-file.js";
import { TransferMeter } from "../../../ts/hub/transfer-meter.js";
import { expectCode } from "../../contract/subject.js";
import { noise } from "./hub-fixture.js";

/** Two parts and a bit (ts/hub/remote-file.ts). */
const CONTENT = noise((8 << 20) + 1000, 5);
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");

class MemoryStore implements PartStore {
  readonly parts = new Map<string, Uint8Array>();
  readonly documents = new Map<string, unknown>();

  async hasPart(file: string, index: number): Promise<boolean> {
    return this.parts.has(`${file} ${index}`);
  }
  async getPart(file: string, index: number): Promise<Uint8Array | undefined> {
    return this.parts.get(`${file} ${index}`);
  }
  async putPart(file: string, index: number, bytes: Uint8Array): Promise<boolean> {
    this.parts.set(`${file} ${index}`, bytes.slice());
    return true;
  }
  async removeParts(file: string, count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      this.parts.delete(`${file} ${index}`);
    }
  }
  async recall(name: string): Promise<unknown> {
    return this.documents.get(name);
  }
  async remember(name: string, value: unknown): Promise<void> {
    this.documents.set(name, value);
  }
}

test.each([
  ["sha256 of a large file", SHA256],
  ["git's hash of a small one", createHash("sha1").update(`blob ${CONTENT.length}\0`).update(CONTENT).digest("hex")],
])("%s, piece by piece", (_, etag) => {
  const hash = createBrowserHash(etag, CONTENT.length);
  for (let at = 0; at < CONTENT.length; at += 1_000_003) {
    hash?.update(CONTENT.subarray(at, at + 1_000_003));
  }
  expect(hash?.digest()).toBe(etag);
});

test("an ETag that is no hash of the Hub is not taken for one", () => {
  expect(createBrowserHash("1234-abcd", 5)).toBeUndefined();
});

describe("a file with a known hash", () => {
  let server: Server;
  let store: MemoryStore;
  let served: Uint8Array;
  let requests = 0;
  beforeEach(async () => {
    store = new MemoryStore();
    served = CONTENT;
    requests = 0;
    server = createServer((request, response) => {
      requests++;
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
      const body = served.subarray(Number(first), Number(last) + 1);
      response.writeHead(206, { "content-range": `bytes ${first}-${last}/${served.length}` }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  async function read(etag: string | undefined): Promise<Buffer> {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/weights`;
    const source = { size: CONTENT.length, locate: async () => url };
    const file = new RemoteFile("model.safetensors", { key: "content", etag }, source, {
      settings: browserSettings(false),
      store,
      meter: new TransferMeter(undefined),
      signal: undefined,
      model: "me/digits",
      explain: (error) => error,
      onFull: () => {},
    });
    const parts: Uint8Array[] = [];
    for await (const part of file.stream()) {
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  function damaged(): Uint8Array {
    const copy = CONTENT.slice();
    copy.set([(CONTENT[5_000_000] ?? 0) ^ 1], 5_000_000);
    return copy;
  }

  it("comes whole, and is used without asking again", async () => {
    expect((await read(SHA256)).equals(CONTENT)).toBe(true);
    const asked = requests;
    expect((await read(SHA256)).equals(CONTENT)).toBe(true);
    expect(requests).toBe(asked);
  });

  it("with one wrong bit is an error that names it, and nothing of it is kept", async () => {
    served = damaged();
    await expectCode(read(SHA256), "ERR_DOWNLOAD");
    await expect(read(SHA256)).rejects.toThrow(/me\/digits: model\.safetensors: .*instead of/);
    expect(store.parts.size).toBe(0);
    served = CONTENT;
    expect((await read(SHA256)).equals(CONTENT)).toBe(true);
  });

  it("is refused for a damaged part that an earlier, cut download left", async () => {
    await store.putPart("content", 0, new Uint8Array(4 << 20));
    await expectCode(read(SHA256), "ERR_DOWNLOAD");
    expect(store.parts.size).toBe(0);
    expect((await read(SHA256)).equals(CONTENT)).toBe(true);
  });

  it("is checked again when a part of it had to come again", async () => {
    await read(SHA256);
    store.parts.delete("content 1");
    served = damaged();
    await expectCode(read(SHA256), "ERR_DOWNLOAD");
    expect(store.parts.size).toBe(0);
  });

  it("without a hash is taken as it comes", async () => {
    served = damaged();
    expect((await read(undefined)).equals(served)).toBe(true);
  });
});
