/** The public types: what compiles is part of the contract. `tsc` checks this file; running it checks little more. */
import { expectTypeOf, it } from "vitest";
import type { ChannelEvent, LiveEvent, LiveSession, WordEvent } from "../../../ts/index.node.js";

/** A consumer that handles every event; a new one makes this fail to compile. */
function describeEvent(event: LiveEvent): string {
  switch (event.type) {
    case "word":
      return event.final ? `${event.index} ${event.text} ${event.start} ${event.end} ${event.confidence}` : event.text;
    case "speech":
    case "pause":
      return `${event.time} ${event.heard} ${event.probability} ${event.source}`;
    case "vad":
      return event.probabilities.map((value) => value.toFixed(2)).join(" ");
    case "token":
      return `${event.step} ${event.token}`;
    case "flushed":
      return event.time.toFixed(2);
    case "progress":
      return `${event.heard} of ${event.written}`;
    case "refresh":
      return `${event.time} ${event.reason}`;
    case "queued":
      return `${event.position}`;
    case "started":
      return `${event.waited}`;
    case "warning":
      return `${event.code} ${event.message}`;
    case "moshiWord":
      return `${event.text} ${event.start}`;
    case "moshiEndWord":
      return `${event.stop}`;
    case "end":
      return `${event.duration}`;
    case "error":
      return `${event.error.code} ${event.error.remedy}`;
    default:
      return event satisfies never;
  }
}

it("types", () => {
  expectTypeOf(describeEvent).returns.toBeString();
  expectTypeOf<Extract<LiveEvent, { type: "word" }>>().toEqualTypeOf<WordEvent>();
  expectTypeOf<LiveEvent["type"]>().toEqualTypeOf<
    | "word"
    | "speech"
    | "pause"
    | "vad"
    | "token"
    | "flushed"
    | "progress"
    | "refresh"
    | "queued"
    | "started"
    | "warning"
    | "moshiWord"
    | "moshiEndWord"
    | "end"
    | "error"
  >();
  expectTypeOf<Extract<LiveEvent, { type: "speech" | "pause" }>["source"]>().toEqualTypeOf<"heads" | "tokens">();
  expectTypeOf<ChannelEvent["channel"]>().toBeString();
  expectTypeOf<LiveSession>().toExtend<AsyncIterable<LiveEvent>>();
  expectTypeOf<LiveSession>().toExtend<AsyncDisposable>();
  expectTypeOf<LiveSession["write"]>()
    .parameter(0)
    .toEqualTypeOf<Float32Array | Int16Array | Uint8Array | ArrayBuffer>();
  // @ts-expect-error An event of no known type.
  describeEvent({ type: "marker" });
  // @ts-expect-error A word without its index.
  describeEvent({ type: "word", text: "a", start: 0, end: 1, confidence: 1, final: true });
});
