// The same recording in many sessions at once, more than there are slots: node examples/many-streams.mjs [FILE] [SESSIONS]
import { read_audio, SpeechToText } from "kyutai-stt";

const [file = "models/digits-en/sample.wav", count = "6"] = process.argv.slice(2);
const RATE = 24000;

const stt = await SpeechToText.load(undefined, { slots: 4 });
try {
  const audio = await read_audio(file, RATE);
  const run = async (/** @type {number} */ number) => {
    const session = await stt.createSession({ rate: RATE, partials: false });
    const writing = session.write(audio).then(() => session.end());
    const words = [];
    for await (const event of session) {
      if (event.type === "queued") {
        process.stdout.write(`session ${number} waits, place ${event.position}\n`);
      } else if (event.type === "word") {
        words.push(event.text);
      }
    }
    await writing;
    process.stdout.write(`session ${number}: ${words.join(" ")}\n`);
  };
  await Promise.all(Array.from({ length: Number(count) }, (_, number) => run(number + 1)));

  const { stepMs, liveStreams, slots, basis } = stt.capacity();
  process.stdout.write(
    `a round took ${stepMs?.p50.toFixed(1)} ms, at the 95th percentile ${stepMs?.p95.toFixed(1)} ms\n`,
  );
  process.stdout.write(`live streams that fit into ${slots} slots: ${liveStreams} (${basis})\n`);
} finally {
  await stt.dispose();
}
