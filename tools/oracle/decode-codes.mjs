/**
 * Codes to audio through the public classes, for compare-live.py. Standard input: { checkpoint, codes, pieces } with
 * codes [rows][codebooks][frames] and the frames of each piece. Standard output: { dims, audio, samePieces } with the
 * samples as base64 of little-endian f32, and whether a stream in those pieces gave the same bits.
 */
import { text } from "node:stream/consumers";
import { KyutaiSpeechToTextForConditionalGeneration, Tensor } from "../../dist/index.node.js";

const { checkpoint, codes, pieces } = JSON.parse(await text(process.stdin));
const dims = [codes.length, codes[0].length, codes[0][0].length];
const input = new Tensor("int32", Int32Array.from(codes.flat(2)), dims);
const model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(checkpoint, {
  backend: "cpu",
  threads: 1,
});
const { audio_values } = await model.codec_model.decode(input);

let options = { use_streaming: true };
let start = 0;
let samePieces = true;
for (const frames of pieces) {
  const piece = await model.codec_model.decode(input.slice(null, null, [start, start + frames]), options);
  const { frame_size } = model.codec_model.config;
  const same = audio_values.slice(null, null, [start * frame_size, (start + frames) * frame_size]);
  samePieces &&=
    Buffer.compare(Buffer.from(piece.audio_values.data.buffer), Buffer.from(same.clone().data.buffer)) === 0;
  options = { decoder_past_key_values: piece.decoder_past_key_values, padding_cache: piece.padding_cache };
  start += frames;
}
await model.dispose();
const audio = Buffer.from(audio_values.data.buffer).toString("base64");
process.stdout.write(`${JSON.stringify({ dims: audio_values.dims, audio, samePieces })}\n`);
