/** Which repository stands for a documented model id in this runtime. */

export interface ModelAlias {
  readonly repository: string;
  /** Why this one; shown to users. */
  readonly reason: string;
}

/**
 * Sizes and contents of the repositories: docs/models.md.
 *
 * Any other id goes as it is. So does an id with a revision, which means a commit of that very repository, and one
 * written as hf://.
 */
const ALIASES: ReadonlyMap<string, ModelAlias> = new Map([
  [
    "kyutai/stt-1b-en_fr",
    {
      repository: "kyutai/stt-1b-en_fr-candle",
      // The other tensors of the two repositories are byte for byte the same.
      reason: "the same weights, with the four heads that predict pauses",
    },
  ],
  [
    "kyutai/stt-2.6b-en",
    {
      repository: "kyutai/stt-2.6b-en",
      // No repository of the 2.6b has pause heads. -candle holds the same tensors; -trfs stores embeddings and head in
      // f32, which is 0.3 GB more to download and to read for the same numbers.
      reason: "the original: all its weights are bf16, -trfs is larger and no variant has pause heads",
    },
  ],
]);

export function aliasOf(repository: string): ModelAlias | undefined {
  return ALIASES.get(repository);
}
