/** The transcript: every word a button that plays it. */
import { element } from "./dom.js";
import type { HeardWord, Recording } from "./recording.js";

/** Silence between two words from which on a new line begins. Seconds. */
const LINE_BREAK = 1.2;

const list = element("words", HTMLElement);
const empty = element("words-empty", HTMLElement);

/** Changes only what has changed: a screen reader reads the new words, not all of them. */
export function showWords(recording: Recording, onChoose: (seconds: number) => void): void {
  const words = recording.words.filter((word) => word !== undefined);
  empty.hidden = words.length > 0;
  const shown = list.querySelectorAll("button");
  for (const extra of [...shown].slice(words.length)) {
    extra.remove();
  }
  if (words.length === 0) {
    list.replaceChildren();
  }
  for (const [index, word] of words.entries()) {
    const button = shown[index] ?? append(word, words[index - 1], onChoose, recording, index);
    if (button.textContent !== word.text) {
      button.textContent = word.text;
    }
    button.classList.toggle("growing", !word.final);
    button.title = `${word.start.toFixed(2)} to ${word.end.toFixed(2)} s, ${Math.round(100 * word.confidence)} %`;
  }
}

function append(
  word: HeardWord,
  before: HeardWord | undefined,
  onChoose: (seconds: number) => void,
  recording: Recording,
  index: number,
): HTMLButtonElement {
  if (before !== undefined && word.start - before.end > LINE_BREAK) {
    const gap = document.createElement("span");
    gap.className = "pause";
    list.append(gap);
  } else if (before !== undefined) {
    list.append(" ");
  }
  const button = document.createElement("button");
  button.type = "button";
  button.addEventListener("click", () => onChoose(recording.words[index]?.start ?? 0));
  list.append(button);
  return button;
}
