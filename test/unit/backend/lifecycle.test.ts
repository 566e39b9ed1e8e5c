import { setImmediate as nextTick } from "node:timers/promises";
import { expect, test } from "vitest";
import { ComputeGate } from "../../../ts/backend/compute-gate.js";
import { Lifecycle } from "../../../ts/backend/lifecycle.js";
import { SerialQueue } from "../../../ts/backend/serial-queue.js";

/** A lifecycle that notes its release in `log`. */
function noted(name: string, log: string[], parent?: Lifecycle): Lifecycle {
  return new Lifecycle(
    name,
    async () => {
      await nextTick();
      log.push(name);
    },
    parent,
  );
}

test("children are released before their parent, each once", async () => {
  const log: string[] = [];
  const parent = noted("parent", log);
  const child = noted("child", log, parent);
  noted("grandchild", log, child);
  await Promise.all([parent.dispose(), child.dispose(), parent.dispose()]);
  expect(log).toEqual(["grandchild", "child", "parent"]);
});

test("a child that is being released holds its parent back", async () => {
  const log: string[] = [];
  const parent = noted("parent", log);
  const child = noted("child", log, parent);
  const first = child.dispose();
  await parent.dispose();
  await first;
  expect(log).toEqual(["child", "parent"]);
});

test("release waits for all calls in flight, failed ones included", async () => {
  const log: string[] = [];
  const life = noted("object", log);
  const calls = [
    life.run(async () => {
      await nextTick();
      log.push("slow");
    }),
    life.run(async () => {
      throw new Error("broken");
    }),
  ];
  const disposing = life.dispose();
  await expect(life.run(() => log.push("late"))).rejects.toMatchObject({ code: "ERR_DISPOSED" });
  await expect(Promise.all(calls)).rejects.toThrow("broken");
  await disposing;
  expect(log).toEqual(["slow", "object"]);
});

test("what make() creates too late is disposed and not handed out", async () => {
  const log: string[] = [];
  const life = noted("parent", log);
  const made = { dispose: async () => void log.push("made") };
  const making = life.make(
    async () => {
      await nextTick();
      return made;
    },
    () => expect.fail("wrapped after dispose"),
  );
  const outcome = expect(making).rejects.toMatchObject({ code: "ERR_DISPOSED" });
  await life.dispose();
  await outcome;
  expect(log).toEqual(["made", "parent"]);
});

test("a compute call that overlaps another one is not made", async () => {
  const gate = new ComputeGate();
  const first = gate.run(async () => {
    await nextTick();
    return 1;
  });
  await expect(gate.run(async () => expect.fail("the call was made"))).rejects.toMatchObject({ code: "ERR_BUSY" });
  expect(await first).toBe(1);
  expect(await gate.run(async () => 2)).toBe(2);
  await expect(gate.run(() => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  expect(await gate.run(async () => 3)).toBe(3);
});

test("a queue keeps the order over failures, and answers at once when nothing waits", async () => {
  const queue = new SerialQueue();
  expect(queue.run(() => "at once")).toBe("at once");
  expect(queue.idle).toBe(true);
  const log: number[] = [];
  const slow = queue.run(async () => {
    await nextTick();
    log.push(1);
    throw new Error("broken");
  });
  expect(queue.idle).toBe(false);
  const next = queue.run(() => log.push(2));
  const last = queue.run(async () => log.push(3));
  await expect(slow).rejects.toThrow("broken");
  await Promise.all([next, last]);
  expect(log).toEqual([1, 2, 3]);
  await nextTick();
  expect(queue.idle).toBe(true);
});
