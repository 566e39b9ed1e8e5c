/** How a model of the Hub is named, and which names may become paths on this machine. */
import { SttError } from "../contract/errors.js";

export interface ModelReference {
  /** "organisation/name". */
  readonly repository: string;
  /** Branch, tag or commit; undefined: not named. */
  readonly revision: string | undefined;
  /** A file in it; undefined: what the model needs. */
  readonly file: string | undefined;
  /** Written as hf://: means this repository and no other, whatever the aliases say. */
  readonly isExact: boolean;
}

const SCHEME = "hf://";
/** Lengths and characters as the Hub allows them; "--" separates the parts of a cache folder's name. */
const REPOSITORY_PART = /^(?=.{1,96}$)(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[\w.-]*\w)?$/;
const COMMIT = /^[0-9a-f]{40}$/;

export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** Whether `text` has the form of a name on the Hub: "org/name", "org/name@revision" or "hf://...". */
export function isModelReference(text: string): boolean {
  return text.startsWith(SCHEME) || splitPlain(text) !== undefined;
}

/**
 * Reads "org/name", "org/name@revision" and "hf://org/name[@revision][/path/of/a/file]"; in the last form a slash of
 * the revision is written %2F.
 *
 * Errors: ERR_INVALID_ARGUMENT.
 */
export function parseModelReference(text: string): ModelReference {
  const parsed = text.startsWith(SCHEME) ? splitUri(text.slice(SCHEME.length)) : splitPlain(text);
  if (parsed === undefined) {
    throw new SttError("ERR_INVALID_ARGUMENT", `"${text}" is not the name of a model on the Hub`, {
      remedy: 'Write it as "org/name", "org/name@revision" or "hf://org/name/file".',
    });
  }
  if (parsed.revision !== undefined) {
    checkRevision(parsed.revision);
  }
  if (parsed.file !== undefined) {
    checkRepositoryPath(parsed.file, text);
  }
  return parsed;
}

function splitPlain(text: string): ModelReference | undefined {
  const [, organisation = "", name = "", revision] = /^([^/@]+)\/([^/@]+)(?:@(.+))?$/s.exec(text) ?? [];
  return isRepository(organisation, name)
    ? { repository: `${organisation}/${name}`, revision, file: undefined, isExact: false }
    : undefined;
}

function splitUri(text: string): ModelReference | undefined {
  const [, organisation = "", name = "", revision, file] =
    /^([^/@]+)\/([^/@]+)(?:@([^/]+))?(?:\/(.+))?$/s.exec(text) ?? [];
  return isRepository(organisation, name)
    ? {
        repository: `${organisation}/${name}`,
        revision: revision === undefined ? undefined : decodePercents(revision),
        file,
        isExact: true,
      }
    : undefined;
}

function isRepository(organisation: string, name: string): boolean {
  return REPOSITORY_PART.test(organisation) && REPOSITORY_PART.test(name) && !name.endsWith(".git");
}

function decodePercents(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A revision becomes a file name below refs/. Errors: ERR_INVALID_ARGUMENT. */
export function checkRevision(revision: string): void {
  if (!isSafePath(revision) || revision.startsWith("-")) {
    throw new SttError("ERR_INVALID_ARGUMENT", `${JSON.stringify(revision)} is not a revision`, {
      remedy: "Pass the name of a branch or tag, or a commit of 40 hexadecimal digits.",
    });
  }
}

/** Refuses paths that would leave the folder of the repository. `origin` names who asks for it. */
export function checkRepositoryPath(path: string, origin: string): void {
  if (!isSafePath(path)) {
    throw new SttError("ERR_DOWNLOAD", `${origin}: ${JSON.stringify(path)} is no path inside a repository; refused`, {
      remedy: "Do not use this repository, or tell its owner.",
    });
  }
}

/** Relative, with plain segments between slashes, the same on every operating system. */
function isSafePath(path: string): boolean {
  return path
    .split("/")
    .every(
      (segment) =>
        segment !== "" && segment !== "." && segment !== ".." && !/[\\:*?"<>|]/.test(segment) && !hasControl(segment),
    );
}

function hasControl(text: string): boolean {
  return Array.from(text).some((character) => character < " " || character === "\x7f");
}
