/** process.exit() on the main thread while the addon computes on another one. */
import { createRequire } from "node:module";
import { dirname } from "node:path";

const [path, model] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(path);
addon.init(dirname(path), (_status, message) => new Error(message));

const engine = await addon.createEngine(model, { threads: 1, slots: 1 });
const input = new Float32Array(400 * engine.info.frameSize).fill(0.1);
const generation = await engine.createGeneration(input, 1, input.length, { maxNewTokens: -1, audioWindowSize: 0 });
generation.advance(4000).then(() => process.stdout.write("finished\n"));
setImmediate(() => process.exit(7));
