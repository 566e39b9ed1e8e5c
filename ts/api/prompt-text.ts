/** Text prompts to token ids. */
import { Tokenizer } from "@huggingface/tokenizers";
import { SttError } from "../contract/errors.js";
import { parseJsonObject, readModelText } from "../model/model-folder.js";

const TOKENIZER_FILE = "tokenizer.json";

/**
 * Pieces of `text` in the vocabulary of the model in `folder`, without special ones.
 * ERR_MODEL_UNSUPPORTED: the model has no tokenizer that can encode; ERR_INVALID_ARGUMENT: it cannot say this text.
 */
export async function encodePrompt(folder: string, text: string): Promise<readonly number[]> {
  const json = await readModelText(folder, TOKENIZER_FILE).catch((cause: unknown) => {
    // A model in one file, for example.
    throw cannotEncode(folder, cause instanceof Error ? cause.message : String(cause), cause);
  });
  if (json === undefined) {
    throw cannotEncode(folder, `it has no ${TOKENIZER_FILE}`);
  }
  let ids: readonly number[];
  try {
    const tokenizer = new Tokenizer(parseJsonObject(json, `${folder}: ${TOKENIZER_FILE}`), {});
    ids = tokenizer.encode(text, { add_special_tokens: false }).ids;
  } catch (cause) {
    throw cannotEncode(folder, cause instanceof Error ? cause.message : String(cause), cause);
  }
  const unknown = unknownId(json);
  if (unknown !== undefined && ids.includes(unknown)) {
    throw new SttError("ERR_INVALID_ARGUMENT", `prompt: the model's vocabulary cannot spell ${JSON.stringify(text)}`, {
      remedy: "Leave out what it does not know, or pass token ids.",
    });
  }
  return ids;
}

function unknownId(json: string): number | undefined {
  const { model } = JSON.parse(json) as { model?: { unk_token?: string; unk_id?: number; vocab?: unknown } };
  if (typeof model?.unk_id === "number") {
    return model.unk_id;
  }
  const vocab = model?.vocab;
  return typeof vocab === "object" && vocab !== null && !Array.isArray(vocab) && model?.unk_token !== undefined
    ? (vocab as Record<string, number>)[model.unk_token]
    : undefined;
}

function cannotEncode(folder: string, reason: string, cause?: unknown): SttError {
  return new SttError("ERR_MODEL_UNSUPPORTED", `${folder}: its tokenizer cannot encode a prompt (${reason})`, {
    remedy: "Pass the prompt as token ids: prompt: { tokens }.",
    cause,
  });
}
