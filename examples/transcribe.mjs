// Words with times of recordings: node examples/transcribe.mjs FILE...
import { SpeechToText } from "kyutai-stt";

const files = process.argv.slice(2);
const stt = await SpeechToText.load(undefined, { slots: Math.max(1, files.length) });
try {
  const results = await Promise.all(files.map((file) => stt.transcribe(file)));
  for (const [index, { words, duration }] of results.entries()) {
    process.stdout.write(`${files[index]} (${duration.toFixed(1)} s)\n`);
    for (const { text, start, end } of words) {
      process.stdout.write(`  ${start.toFixed(2)} - ${end.toFixed(2)}  ${text}\n`);
    }
  }
} finally {
  await stt.dispose();
}
