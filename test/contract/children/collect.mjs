/** Objects of the addon that nobody disposes. Run with --expose-gc; prints what became of them as JSON. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { setImmediate as nextTick } from "node:timers/promises";
import { SESSION } from "./session-params.mjs";

const [path, model] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(path);
addon.init(dirname(path), (status, message) => Object.assign(new Error(message), { status }));
const NO_SLOT = 11;

async function collect() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await nextTick(); // finalizers run between turns of the event loop
  }
}

/** Sessions that went out of scope must give their slots back. */
async function countReusedSlots() {
  const engine = await addon.createEngine(model, { threads: 1, slots: 2 });
  let refused = 0;
  for (let i = 0; i < 10; i++) {
    try {
      await engine.createSession(SESSION);
    } catch (error) {
      if (error.status !== NO_SLOT) {
        throw error;
      }
      refused++;
      await collect();
      await engine.createSession(SESSION);
    }
  }
  return refused;
}

/** Engine, session, generation, encoding and a running call, dropped together: they may go in any order. */
async function dropTogether() {
  for (let round = 0; round < 20; round++) {
    const engine = await addon.createEngine(model, { threads: 1, slots: 1 });
    const input = new Float32Array(3 * engine.info.frameSize).fill(0.1);
    const [session, generation, encoding] = await Promise.all([
      engine.createSession(SESSION),
      engine.createGeneration(input, 1, input.length, { maxNewTokens: -1, audioWindowSize: 0 }),
      engine.createEncoding(input, 1, input.length),
    ]);
    const last = [session, generation, encoding][round % 3];
    if (round % 2 === 0) {
      await engine.dispose();
    }
    generation.advance(10).catch(() => {});
    await collect();
    await last.dispose();
  }
  await collect();
}

/** Engines are small to V8; only the memory reported for their weights makes it collect them by itself. */
async function collectedByPressure() {
  let collected = 0;
  const registry = new FinalizationRegistry(() => collected++);
  let created = 0;
  for (; created < 400 && collected === 0; created++) {
    registry.register(await addon.createEngine(model, { threads: 1, slots: 1 }), undefined);
    await nextTick();
  }
  return { created, collected };
}

const reusedSlots = await countReusedSlots();
await dropTogether();
const pressure = await collectedByPressure();
process.stdout.write(JSON.stringify({ reusedSlots, pressure }));
