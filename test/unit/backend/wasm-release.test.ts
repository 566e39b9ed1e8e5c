/** Objects of a worker that are dropped without dispose(). */
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { Lifecycle } from "../../../ts/backend/lifecycle.js";
import type { AnswerMessage } from "../../../ts/backend/wasm/core/calls.js";
import { CoreChannel } from "../../../ts/backend/wasm/core-channel.js";
import { keepFromForgetting, releaseOf } from "../../../ts/backend/wasm/release.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** A worker that holds one object, and fails like the core when that is freed again. */
function startWorker(): { channel: CoreChannel; calls: string[] } {
  const calls: string[] = [];
  let answer: (data: AnswerMessage) => void = () => {};
  const channel = new CoreChannel(
    {
      post(message) {
        const { id, call } = message as { id: number; call: string };
        calls.push(call);
        const failure = { status: 11, message: "there is no codec stream 1" };
        const isFirst = calls.length === 1;
        queueMicrotask(() => answer(isFirst ? { id, value: undefined, state: undefined } : { id, failure }));
      },
      onMessage: (listener) => {
        answer = listener;
      },
      onEnd: () => {},
      setBusy: () => {},
      terminate: () => {},
    },
    (text) => text,
  );
  return { channel, calls };
}

async function collectUntil(isDone: () => boolean): Promise<void> {
  for (let round = 0; round < 40 && !isDone(); round++) {
    collect();
    await sleep(5);
  }
}

test("is freed when nobody holds it any more", async () => {
  const { channel, calls } = startWorker();
  releaseOf({}, channel, "freeCodecStream", 1);
  await collectUntil(() => calls.length > 0);
  expect(calls).toEqual(["freeCodecStream"]);
});

test("is freed once, though its lifecycle outlives it until the engine goes", async () => {
  const { channel, calls } = startWorker();
  const engine = new Lifecycle("engine", async () => {});
  const life = new Lifecycle("codec stream", releaseOf({}, channel, "freeCodecStream", 1), engine);
  await collectUntil(() => calls.length > 0);
  await engine.dispose();
  expect(life.disposed).toBe(true);
  expect(calls).toEqual(["freeCodecStream"]);
});

test("is not freed again after it was disposed of", async () => {
  const { channel, calls } = startWorker();
  let ended = 0;
  await (async () => {
    const owner = {};
    const release = releaseOf(owner, channel, "freeCodecStream", 1, () => ended++);
    keepFromForgetting(owner);
    await release();
  })();
  await collectUntil(() => calls.length > 1);
  expect([calls, ended]).toEqual([["freeCodecStream"], 1]);
});
