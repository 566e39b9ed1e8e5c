// The same steps as with transformers: node examples/transformers.mjs MODEL FILE...
import { KyutaiSpeechToTextForConditionalGeneration, KyutaiSpeechToTextProcessor, read_audio } from "kyutai-stt";

const [folder = "digits-en", ...files] = process.argv.slice(2);
const processor = await KyutaiSpeechToTextProcessor.from_pretrained(folder);
const model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(folder);
try {
  const audio = await Promise.all(files.map((file) => read_audio(file, 24000)));
  const inputs = await processor(audio);
  const tokens = await model.generate({ ...inputs });
  for (const text of processor.batch_decode(tokens, { skip_special_tokens: true })) {
    process.stdout.write(`${text}\n`);
  }
} finally {
  await model.dispose();
}
