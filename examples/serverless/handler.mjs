/**
 * Speech to text as a function of a serverless platform: plain Node, no native code. A request's body is a recording,
 * the answer its words with times. (event) => answer is what AWS Lambda with a function URL calls; others are alike.
 */
import { SpeechToText, SttError, setWarningListener } from "kyutai-stt";

// Stays loaded while the platform keeps this process: only the first request waits for it.
/** @type {Promise<SpeechToText> | undefined} */
let model;

async function loadedModel() {
  setWarningListener((message) => process.stderr.write(`${message}\n`));
  model ??= SpeechToText.load(process.env["STT_MODEL"] || undefined, { backend: "wasm", slots: 4 });
  try {
    return await model;
  } catch (error) {
    // The next request may be luckier.
    model = undefined;
    throw error;
  }
}

/** The client's mistakes; everything else is ours. */
const CLIENT_ERRORS = new Set(["ERR_INVALID_AUDIO", "ERR_UNSUPPORTED_AUDIO", "ERR_INVALID_ARGUMENT"]);

export async function handler({ body = "", isBase64Encoded = false }) {
  try {
    const stt = await loadedModel();
    const audio = Buffer.from(body, isBase64Encoded ? "base64" : "latin1");
    const { text, words, duration } = await stt.transcribe(audio);
    return answer(200, { text, words, duration });
  } catch (error) {
    const code = error instanceof SttError ? error.code : "ERR_INTERNAL";
    const message = error instanceof Error ? error.message : String(error);
    return answer(CLIENT_ERRORS.has(code) ? 400 : 500, { code, message });
  }
}

/**
 * @param {number} statusCode
 * @param {object} content
 */
function answer(statusCode, content) {
  return { statusCode, headers: { "content-type": "application/json" }, body: JSON.stringify(content) };
}
