/** Words and pauses as they come: lines, and on a terminal the word that is still growing. */
import type { LiveEvent, TranscriptionEvent } from "../index.node.js";
import { type CliIo, write } from "./io.js";

export interface PrintStyle {
  /** Each word on a line of its own, with its times; else words in a row, a new line at each pause. */
  readonly times: boolean;
  /** Lines for speech and pauses. */
  readonly turns: boolean;
  /** JSON lines of all events, with these fields in front. */
  readonly json: object | undefined;
}

export type PrintableEvent = (LiveEvent | TranscriptionEvent) & { readonly channel?: string };

type WordLike = Extract<PrintableEvent, { type: "word" }>;
type TurnLike = Extract<PrintableEvent, { type: "speech" | "pause" }>;

/** Carriage return, then "erase in line" (ECMA-48). */
const CLEAR_LINE = "\r\u001b[2K";

export class WordPrinter {
  readonly #io: CliIo;
  readonly #style: PrintStyle;
  readonly #isTerminal: boolean;
  #tail: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  /** Something stands on the line that the cursor is on. */
  #isOpenLine = false;
  /** Turns that were decided while a word before them was still growing, and the start of that word, by channel. */
  readonly #heldTurns: TurnLike[] = [];
  readonly #growing = new Map<string | undefined, number>();
  /** Words from this second on go to a new line. */
  #breakAt = Number.POSITIVE_INFINITY;

  constructor(io: CliIo, style: PrintStyle) {
    this.#io = io;
    this.#style = style;
    this.#isTerminal = io.stdout.isTTY === true;
  }

  /** Throws what went wrong with an earlier write. */
  show(event: PrintableEvent): void {
    if (this.#failure !== undefined) {
      throw this.#failure.error;
    }
    const text = this.#style.json === undefined ? this.#text(event) : toJson(event, this.#style.json);
    if (text !== "") {
      this.#tail = this.#tail
        .then(() => write(this.#io.stdout, text))
        .catch((error: unknown) => {
          this.#failure ??= { error };
        });
    }
  }

  /** Ends the last line; resolves when everything is written. */
  async close(): Promise<void> {
    await this.#tail;
    if (this.#failure !== undefined) {
      throw this.#failure.error;
    }
    if (this.#isOpenLine) {
      this.#isOpenLine = false;
      await write(this.#io.stdout, this.#style.times ? CLEAR_LINE : "\n");
    }
  }

  #text(event: PrintableEvent): string {
    switch (event.type) {
      case "word":
        return this.#word(event);
      case "speech":
      case "pause":
        return this.#turn(event);
      default:
        return "";
    }
  }

  #word(word: WordLike): string {
    if (!word.final) {
      this.#growing.set(word.channel, word.start);
      return this.#style.times ? this.#wordLine(word) : "";
    }
    this.#growing.delete(word.channel);
    const text = this.#style.times ? this.#wordLine(word) : this.#wordInRow(word);
    const held = this.#heldTurns.splice(0);
    return text + held.map((turn) => this.#turn(turn)).join("");
  }

  #wordLine(word: WordLike): string {
    if (!word.final && !this.#isTerminal) {
      return "";
    }
    const line = `${seconds(word.start)} ${seconds(word.end)}  ${label(word.channel)}${word.text}`;
    const text = `${this.#isOpenLine ? CLEAR_LINE : ""}${line}${word.final ? "\n" : ""}`;
    this.#isOpenLine = !word.final;
    return text;
  }

  #wordInRow({ text, start }: WordLike): string {
    const isBreak = this.#isOpenLine && start >= this.#breakAt;
    const word = isBreak ? `\n${text}` : this.#isOpenLine ? ` ${text}` : text;
    this.#breakAt = isBreak ? Number.POSITIVE_INFINITY : this.#breakAt;
    this.#isOpenLine = true;
    return word;
  }

  #turn(turn: TurnLike): string {
    const { type, time, channel } = turn;
    if (!this.#style.turns) {
      return "";
    }
    if (time >= (this.#growing.get(channel) ?? Number.POSITIVE_INFINITY)) {
      this.#heldTurns.push(turn);
      return "";
    }
    if (this.#style.times) {
      const clear = this.#isOpenLine ? CLEAR_LINE : "";
      this.#isOpenLine = false;
      return `${clear}${seconds(time)} ${"".padStart(8)}  ${label(channel)}(${type})\n`;
    }
    if (type === "pause") {
      this.#breakAt = Math.min(this.#breakAt, time);
    }
    return "";
  }
}

function toJson(event: PrintableEvent, fields: object): string {
  const shown =
    event.type === "error" ? { ...event, error: { code: event.error.code, message: event.error.message } } : event;
  return `${JSON.stringify({ ...fields, ...shown })}\n`;
}

function label(channel: string | undefined): string {
  return channel === undefined ? "" : `${channel}: `;
}

/** Hundredths, in a column wide enough for a day. */
export function seconds(value: number): string {
  return value.toFixed(2).padStart(8);
}
