/** Text prompts to token ids. */
import { SttError } from "../contract/errors.js";
import { KyutaiSpeechToTextTokenizer } from "../model/tokenizer.js";

const UNKNOWN_PIECE = "<unk>";

/**
 * Pieces of `text` in the vocabulary of the model at `path` (a folder or a file), without special ones.
 * ERR_MODEL_UNSUPPORTED: its tokenizer cannot encode; ERR_INVALID_ARGUMENT: the vocabulary cannot spell this text.
 */
export async function encodePrompt(path: string, text: string): Promise<readonly number[]> {
  let tokenizer: KyutaiSpeechToTextTokenizer;
  let ids: readonly number[];
  try {
    tokenizer = await KyutaiSpeechToTextTokenizer.from_pretrained(path);
    ids = tokenizer.encode(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SttError("ERR_MODEL_UNSUPPORTED", `the model's tokenizer cannot encode a prompt (${reason})`, {
      remedy: "Pass the prompt as token ids: prompt: { tokens }.",
      cause,
    });
  }
  if (tokenizer.convert_ids_to_tokens(ids).includes(UNKNOWN_PIECE)) {
    throw new SttError("ERR_INVALID_ARGUMENT", `prompt: the model's vocabulary cannot spell ${JSON.stringify(text)}`, {
      remedy: "Leave out what it does not know, or pass token ids.",
    });
  }
  return ids;
}
