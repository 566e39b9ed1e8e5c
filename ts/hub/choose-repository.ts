/** Which repository an id stands for. */
import { SttError } from "../contract/errors.js";
import { aliasOf } from "./aliases.js";
import { checkRevision, type ModelReference, parseModelReference } from "./model-reference.js";
import type { HubSource } from "./types.js";

const DEFAULT_REVISION = "main";

export interface Choice {
  readonly reference: ModelReference;
  readonly revision: string;
  readonly reason: string | undefined;
}

/** What an id may stand for, the best first. */
export function chooseRepositories(id: string, revisionOption: string | undefined): readonly [Choice, ...Choice[]] {
  const reference = parseModelReference(id);
  if (revisionOption !== undefined) {
    checkRevision(revisionOption);
    if (reference.revision !== undefined && reference.revision !== revisionOption) {
      throw new SttError("ERR_INVALID_ARGUMENT", `"${id}" and the revision "${revisionOption}" contradict each other`, {
        remedy: "State the revision once.",
      });
    }
  }
  const revision = reference.revision ?? revisionOption;
  const own: Choice = { reference, revision: revision ?? DEFAULT_REVISION, reason: undefined };
  const alias = reference.isExact || revision !== undefined ? undefined : aliasOf(reference.repository);
  if (alias === undefined) {
    return [own];
  }
  const chosen: Choice = {
    reference: { ...reference, repository: alias.repository },
    revision: DEFAULT_REVISION,
    reason: alias.reason,
  };
  return alias.repository === reference.repository ? [chosen] : [chosen, own];
}

export function sourceOf(
  id: string,
  { reason }: Choice,
  { repository, revision, commit }: Pick<HubSource, "repository" | "revision" | "commit">,
): HubSource {
  return { id, repository, revision, commit, reason };
}
