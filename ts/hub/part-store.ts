/**
 * What a browser keeps of models: parts of files and small documents, in its Cache storage. Every part is written whole
 * or not at all, so that a download that was cut goes on behind the last one.
 */

const CACHE = "kyutai-stt";
/** Entries of the Cache storage are named by addresses; nothing is ever fetched from this one. */
const ORIGIN = "https://kyutai-stt.invalid";

export interface PartStore {
  /** `file` names content that never changes. */
  hasPart(file: string, index: number): Promise<boolean>;
  getPart(file: string, index: number): Promise<Uint8Array | undefined>;
  /** false: there is no room, or this browser keeps nothing. */
  putPart(file: string, index: number, bytes: Uint8Array<ArrayBuffer>): Promise<boolean>;
  /** Parts 0 to before `count`, as far as they are there. */
  removeParts(file: string, count: number): Promise<void>;
  recall(name: string): Promise<unknown>;
  remember(name: string, value: unknown): Promise<void>;
}

/** Keeps nothing where there is no Cache storage: pages without https, some private windows. */
export const browserStore: PartStore = {
  hasPart: async (file, index) => (await find(partUrl(file, index))) !== undefined,
  getPart: async (file, index) => {
    const entry = await find(partUrl(file, index));
    return entry === undefined ? undefined : new Uint8Array(await entry.arrayBuffer());
  },
  putPart: (file, index, bytes) => put(partUrl(file, index), new Response(bytes)),
  removeParts: async (file, count) => {
    for (let index = 0; index < count; index++) {
      await remove(partUrl(file, index));
    }
  },
  recall: async (name) => (await find(documentUrl(name)))?.json() as unknown,
  remember: async (name, value) => {
    await put(documentUrl(name), new Response(JSON.stringify(value)));
  },
};

/** Removes every model that was kept; resolves to whether there was anything. */
export async function clearStore(): Promise<boolean> {
  return globalThis.caches === undefined ? false : caches.delete(CACHE);
}

function partUrl(file: string, index: number): string {
  return `${ORIGIN}/part/${encodeURIComponent(file)}/${index}`;
}

function documentUrl(name: string): string {
  return `${ORIGIN}/document/${encodeURIComponent(name)}`;
}

async function find(url: string): Promise<Response | undefined> {
  try {
    return await (await globalThis.caches?.open(CACHE))?.match(url);
  } catch {
    // Forbidden by the browser's settings: as if there was nothing.
    return undefined;
  }
}

async function put(url: string, response: Response): Promise<boolean> {
  try {
    const cache = await globalThis.caches?.open(CACHE);
    await cache?.put(url, response);
    return cache !== undefined;
  } catch {
    return false;
  }
}

async function remove(url: string): Promise<void> {
  try {
    await (await globalThis.caches?.open(CACHE))?.delete(url);
  } catch {
    // Forbidden by the browser's settings: then there is nothing.
  }
}
