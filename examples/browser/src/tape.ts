/** Draws a recording: waveform, words at their times, and the probability of a pause under them. */
import { LINE, RATE, type Recording } from "./recording.js";

const PIXELS_PER_LINE = 3;
export const PIXELS_PER_SECOND = (PIXELS_PER_LINE * RATE) / LINE;
const PAUSE_HEIGHT = 46;
const WORD_ROWS = 2;
const ROW_HEIGHT = 23;
const TOP = 34;

interface Colours {
  readonly ink: string;
  readonly faint: string;
  readonly rule: string;
  readonly sheet: string;
  readonly live: string;
  readonly pause: string;
  readonly pauseSoft: string;
  readonly serif: string;
  readonly mono: string;
}

export class Tape {
  /** Seconds at which a line is drawn through everything; undefined: none. */
  cursor: number | undefined;
  readonly #canvas: HTMLCanvasElement;
  readonly #scroll: HTMLElement;
  readonly #width: HTMLElement;
  readonly #context: CanvasRenderingContext2D;
  #recording: Recording | undefined;
  #follows = true;
  #pending = 0;

  constructor(canvas: HTMLCanvasElement, scroll: HTMLElement, width: HTMLElement) {
    const context = canvas.getContext("2d");
    if (context === null) {
      throw new Error("this browser draws no canvas");
    }
    this.#canvas = canvas;
    this.#scroll = scroll;
    this.#width = width;
    this.#context = context;
    scroll.addEventListener("scroll", () => {
      const rest = scroll.scrollWidth - scroll.clientWidth - scroll.scrollLeft;
      this.#follows = rest < 4;
      this.draw();
    });
    new ResizeObserver(() => this.draw()).observe(scroll);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  show(recording: Recording): void {
    this.#recording = recording;
    this.#follows = true;
    this.draw();
  }

  /** Scrolls so that `seconds` are in sight. */
  reveal(seconds: number): void {
    const x = seconds * PIXELS_PER_SECOND;
    const { scrollLeft, clientWidth } = this.#scroll;
    if (x < scrollLeft + 40 || x > scrollLeft + clientWidth - 90) {
      this.#scroll.scrollLeft = x - clientWidth / 3;
    }
  }

  /** The time under a point of the screen. */
  secondsAt(clientX: number): number {
    const { left } = this.#canvas.getBoundingClientRect();
    return Math.max(0, (clientX - left + this.#scroll.scrollLeft) / PIXELS_PER_SECOND);
  }

  /** At the next frame, once. */
  draw(): void {
    this.#pending ||= requestAnimationFrame(() => {
      this.#pending = 0;
      this.#drawNow();
    });
  }

  #drawNow(): void {
    const recording = this.#recording;
    const total = Math.ceil((recording?.seconds ?? 0) * PIXELS_PER_SECOND);
    const { clientWidth: width, clientHeight: height } = this.#scroll;
    // Room behind the end, so that the newest word is not at the edge.
    this.#width.style.width = total > width - 40 ? `${total + 90}px` : "0";
    if (this.#follows && this.cursor === undefined) {
      this.#scroll.scrollLeft = this.#scroll.scrollWidth;
    }
    const ratio = devicePixelRatio;
    if (this.#canvas.width !== width * ratio || this.#canvas.height !== height * ratio) {
      this.#canvas.width = width * ratio;
      this.#canvas.height = height * ratio;
    }
    const context = this.#context;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (recording === undefined) {
      return;
    }
    const colours = this.#colours();
    const offset = this.#scroll.scrollLeft;
    const wordsTop = height - PAUSE_HEIGHT - WORD_ROWS * ROW_HEIGHT - 14;
    this.#drawSeconds(colours, offset, width, height);
    this.#drawWave(recording, colours, offset, width, TOP, wordsTop - 12);
    this.#drawPauses(recording, colours, offset, width, height - PAUSE_HEIGHT, height - 8);
    this.#drawWords(recording, colours, offset, width, wordsTop);
    if (this.cursor !== undefined) {
      const x = Math.round(this.cursor * PIXELS_PER_SECOND - offset) + 0.5;
      context.strokeStyle = colours.live;
      line(context, x, TOP - 8, x, height);
    }
  }

  #drawSeconds({ rule, faint, mono }: Colours, offset: number, width: number, height: number): void {
    const context = this.#context;
    context.font = `11px ${mono}`;
    context.lineWidth = 1;
    const first = Math.max(0, Math.floor(offset / PIXELS_PER_SECOND));
    for (let second = first; second * PIXELS_PER_SECOND < offset + width; second++) {
      const x = Math.round(second * PIXELS_PER_SECOND - offset) + 0.5;
      context.strokeStyle = rule;
      line(context, x, 24, x, height);
      context.fillStyle = faint;
      context.fillText(`${Math.floor(second / 60)}:${String(second % 60).padStart(2, "0")}`, x + 5, 18);
    }
  }

  #drawWave(
    { lines, words }: Recording,
    { ink, faint, live }: Colours,
    offset: number,
    width: number,
    top: number,
    bottom: number,
  ): void {
    const context = this.#context;
    const middle = (top + bottom) / 2;
    const half = (bottom - top) / 2;
    const last = words.findLast((word) => word !== undefined);
    const first = Math.max(0, Math.floor(offset / PIXELS_PER_LINE));
    let word = 0;
    for (let i = first; i < lines.length && i * PIXELS_PER_LINE < offset + width; i++) {
      const time = (i * LINE) / RATE;
      while (word < words.length && (words[word]?.end ?? 0) < time) {
        word++;
      }
      const spoken = words[word];
      const isSpoken = spoken !== undefined && time >= spoken.start && time <= spoken.end;
      context.fillStyle = !isSpoken ? faint : spoken === last && !spoken.final ? live : ink;
      // The ear hears loudness, not amplitude: quiet speech must be seen, too.
      const size = Math.max(1, 0.94 * half * Math.min(1, (lines[i] ?? 0) ** 0.7));
      context.fillRect(Math.round(i * PIXELS_PER_LINE - offset), middle - size, 2, 2 * size);
    }
  }

  #drawWords({ words }: Recording, colours: Colours, offset: number, width: number, top: number): void {
    const context = this.#context;
    context.font = `17px ${colours.serif}`;
    const free = Array.from({ length: WORD_ROWS }, () => Number.NEGATIVE_INFINITY);
    for (const word of words) {
      if (word === undefined) {
        continue;
      }
      const x = word.start * PIXELS_PER_SECOND;
      const size = context.measureText(word.text).width;
      // The first row that is free here, else the one that is free soonest.
      const fits = free.findIndex((end) => end < x);
      const row = fits >= 0 ? fits : free.indexOf(Math.min(...free));
      free[row] = x + size + 9;
      if (x + size < offset || x > offset + width) {
        continue;
      }
      const y = top + row * ROW_HEIGHT;
      context.fillStyle = word.final ? colours.ink : colours.live;
      context.fillRect(x - offset, top - 9, Math.max(3, (word.end - word.start) * PIXELS_PER_SECOND), 2);
      context.fillText(word.text, x - offset, y + 14);
    }
  }

  #drawPauses(
    { pauses, seconds }: Recording,
    { pause, pauseSoft, faint, rule, sheet, mono }: Colours,
    offset: number,
    width: number,
    top: number,
    bottom: number,
  ): void {
    const context = this.#context;
    context.strokeStyle = rule;
    line(context, 0, bottom + 0.5, width, bottom + 0.5);
    if (pauses.length > 0) {
      context.beginPath();
      context.moveTo(-offset, bottom);
      let y = bottom;
      for (const { time, probability } of pauses) {
        const x = time * PIXELS_PER_SECOND - offset;
        context.lineTo(x, y);
        y = bottom - probability * (bottom - top - 8);
        context.lineTo(x, y);
      }
      const end = seconds * PIXELS_PER_SECOND - offset;
      context.lineTo(end, y);
      context.strokeStyle = pause;
      context.lineWidth = 1.5;
      context.stroke();
      context.lineTo(end, bottom);
      context.closePath();
      context.fillStyle = pauseSoft;
      context.fill();
      context.lineWidth = 1;
    }
    context.font = `11px ${mono}`;
    context.fillStyle = sheet;
    context.fillRect(0, top - 9, 48, 14);
    context.fillStyle = faint;
    context.fillText("pause", 8, top + 2);
  }

  #colours(): Colours {
    const style = getComputedStyle(document.documentElement);
    const value = (name: string): string => style.getPropertyValue(name).trim();
    return {
      ink: value("--ink"),
      faint: value("--ink-3"),
      rule: value("--rule"),
      sheet: value("--sheet"),
      live: value("--live"),
      pause: value("--pause"),
      pauseSoft: value("--pause-soft"),
      serif: value("--serif"),
      mono: value("--mono"),
    };
  }
}

function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}
