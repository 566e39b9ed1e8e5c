// A recording as if it were spoken now: node examples/live.mjs FILE [MODEL]
import { setTimeout } from "node:timers/promises";
import { read_audio, SpeechToText } from "kyutai-stt";

const [file = "models/digits-en/sample.wav", model] = process.argv.slice(2);
const RATE = 24000;
const CHUNK_SECONDS = 0.08;

const stt = await SpeechToText.load(model);
try {
  const audio = await read_audio(file, RATE);
  const session = await stt.createSession({ rate: RATE });

  const speak = async () => {
    const begun = performance.now();
    const size = CHUNK_SECONDS * RATE;
    for (let at = 0; at < audio.length; at += size) {
      await session.write(audio.subarray(at, at + size));
      await setTimeout(begun + ((at + size) / RATE) * 1000 - performance.now());
    }
    await session.end();
  };

  const listen = async () => {
    for await (const event of session) {
      if (event.type === "word" && event.final) {
        process.stdout.write(`${event.start.toFixed(2)}  ${event.text}\n`);
      } else if (event.type === "pause") {
        process.stdout.write(`${event.time.toFixed(2)}  (pause)\n`);
      }
    }
  };

  await Promise.all([speak(), listen()]);
} finally {
  await stt.dispose();
}
