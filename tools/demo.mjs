/** The demo: a real recording, the embedded model, words on the screen. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { root, StepError } from "./steps.mjs";

const sample = "models/digits-en/sample.wav";

export async function runDemo() {
  process.stderr.write(`\nSpoken digits, recorded by people, in ${sample}:\n$ kyutai-stt transcribe ${sample}\n\n`);
  const child = spawn(process.execPath, [join("dist", "cli", "main.js"), "transcribe", sample], {
    cwd: root,
    stdio: "inherit",
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new StepError(`The transcription ended with code ${code}.`);
  process.stderr.write(
    "\nYour own recordings, with word times: node dist/cli/main.js transcribe FILE --format json\n" +
      "The embedded model knows the English digits only; --model FOLDER takes a Kyutai checkpoint.\n",
  );
}
