/**
 * Models that are not on a disk: files in a browser, behind a URL, in memory. They get a path, so that all that takes
 * the path of a model takes them, too.
 */

export interface ModelFile {
  /** Below the model's folder, with slashes. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  read(start: number, end: number): Promise<Uint8Array>;
  /** All bytes, in order, in chunks of any size; the receiver may take its time. */
  stream(): AsyncIterable<Uint8Array>;
}

export interface ModelFiles {
  readonly files: readonly ModelFile[];
  /** All of them are needed; false: what the core picks among them. */
  readonly isExact: boolean;
}

const SCHEME = "kstt-files:";
const models = new Map<string, ModelFiles>();

/** The path of a folder with these files. `name` is its last part; anything of an earlier model of that name is gone. */
export function addModelFiles(name: string, model: ModelFiles): string {
  const path = `${SCHEME}/${name}`;
  models.set(path, model);
  return path;
}

/** The model at a path, and the file in it that was named; undefined: the path is one of a disk. */
export function findModelFiles(
  path: string,
): { readonly folder: string; readonly entry: string | undefined; readonly model: ModelFiles } | undefined {
  if (!path.startsWith(SCHEME)) {
    return undefined;
  }
  // The longest first: the name of one model may be the beginning of another's.
  const folders = [...models.keys()].sort((a, b) => b.length - a.length);
  const folder = folders.find((name) => path === name || path.startsWith(`${name}/`));
  const model = folder === undefined ? undefined : models.get(folder);
  if (folder === undefined || model === undefined) {
    return undefined;
  }
  return { folder, entry: path === folder ? undefined : path.slice(folder.length + 1), model };
}
