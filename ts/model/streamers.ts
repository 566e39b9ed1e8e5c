/** Streamers of transformers.js: they get the tokens of generate() as they come. */
import type { Streamer, TokenRows } from "./generate-options.js";
import { checkBoolean, checkFunction, checkOptions, invalidArgument, show } from "./option-checks.js";

/** What a streamer of one's own extends, or just resembles. */
export abstract class BaseStreamer implements Streamer {
  /** [rows][1]: the next token of each row; first of all the start tokens. */
  abstract put(value: TokenRows): void | Promise<void>;
  /** No token follows. */
  abstract end(): void | Promise<void>;
}

/** Options of TextStreamer, as in transformers.js. */
export interface TextStreamerOptions {
  /** Leave out the start token. Default: false. */
  skip_prompt?: boolean | undefined;
  /** Special tokens give no text. Default: true, as in transformers.js. */
  skip_special_tokens?: boolean | undefined;
  /** Gets every piece of text. Default: nobody. */
  callback_function?: ((text: string) => void) | null | undefined;
  /** Gets the tokens of every step. */
  token_callback_function?: ((tokens: bigint[]) => void) | null | undefined;
}

/** The part of a tokenizer that is needed. */
export interface TextDecoder {
  decode(ids: readonly bigint[], options: { skip_special_tokens: boolean }): string;
}

const OPTIONS: readonly (keyof TextStreamerOptions)[] = [
  "skip_prompt",
  "skip_special_tokens",
  "callback_function",
  "token_callback_function",
];

/** Tells text as soon as it cannot change any more: whole words, and lines. For one row. */
export class TextStreamer extends BaseStreamer {
  /** Turns the tokens to text. */
  readonly tokenizer: TextDecoder;
  /** Whether the start token is left out. */
  readonly skip_prompt: boolean;
  /** Whether special tokens give no text. */
  readonly skip_special_tokens: boolean;
  readonly #onText: ((text: string) => void) | undefined;
  readonly #onTokens: ((tokens: bigint[]) => void) | undefined;
  #tokens: bigint[] = [];
  /** Characters of the text of #tokens that were told. */
  #told = 0;
  #isPrompt = true;

  /** `tokenizer`: a tokenizer or processor. */
  constructor(tokenizer: TextDecoder, options: TextStreamerOptions = {}) {
    super();
    if (typeof (tokenizer as Partial<TextDecoder> | null)?.decode !== "function") {
      throw invalidArgument(`TextStreamer needs a tokenizer, not ${show(tokenizer)}`, "Pass processor.tokenizer.");
    }
    checkOptions("TextStreamer", options, OPTIONS);
    checkBoolean("skip_prompt", options.skip_prompt);
    checkBoolean("skip_special_tokens", options.skip_special_tokens);
    checkFunction("callback_function", options.callback_function ?? undefined);
    checkFunction("token_callback_function", options.token_callback_function ?? undefined);
    this.tokenizer = tokenizer;
    this.skip_prompt = options.skip_prompt ?? false;
    this.skip_special_tokens = options.skip_special_tokens ?? true;
    this.#onText = options.callback_function ?? undefined;
    this.#onTokens = options.token_callback_function ?? undefined;
  }

  /** Throws ERR_INVALID_ARGUMENT for more than one row. */
  put(value: TokenRows): void {
    if (value.length > 1) {
      throw invalidArgument("TextStreamer only supports batch size of 1", "Generate one row, or write a streamer.");
    }
    const isPrompt = this.#isPrompt;
    this.#isPrompt = false;
    if (isPrompt && this.skip_prompt) {
      return;
    }
    const [tokens = []] = value;
    this.#onTokens?.(tokens);
    this.#tokens.push(...tokens);
    const text = this.#text();
    if (text.endsWith("\n")) {
      this.#tell(text, text.length);
      this.#restart();
    } else {
      // The last word may go on; what is cut in the middle of a character ends in the replacement character.
      this.#tell(text, text.lastIndexOf(" ") + 1);
    }
  }

  /** Tells what is left; the streamer can then be used again. */
  end(): void {
    const text = this.#text();
    this.#tell(text, text.length);
    this.#restart();
    this.#isPrompt = true;
  }

  #text(): string {
    return this.tokenizer.decode(this.#tokens, { skip_special_tokens: this.skip_special_tokens });
  }

  #tell(text: string, end: number): void {
    if (end > this.#told) {
      this.#onText?.(text.slice(this.#told, end));
      this.#told = end;
    }
  }

  #restart(): void {
    this.#tokens = [];
    this.#told = 0;
  }
}
