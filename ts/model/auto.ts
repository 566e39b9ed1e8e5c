/**
 * The Auto classes of transformers and transformers.js. There is one kind of model here, so that each is the class that
 * transformers 5.18 finds for it; from_pretrained refuses checkpoints of other kinds by their model_type.
 */
export { KyutaiSpeechToTextConfig as AutoConfig } from "./kyutai-speech-to-text-config.js";
export { KyutaiSpeechToTextFeatureExtractor as AutoFeatureExtractor } from "./kyutai-speech-to-text-feature-extractor.js";
export {
  KyutaiSpeechToTextForConditionalGeneration as AutoModelForMultimodalLM,
  KyutaiSpeechToTextForConditionalGeneration as AutoModelForSpeechSeq2Seq,
} from "./kyutai-speech-to-text-for-conditional-generation.js";
export { KyutaiSpeechToTextModel as AutoModel } from "./kyutai-speech-to-text-model.js";
export { KyutaiSpeechToTextProcessor as AutoProcessor } from "./kyutai-speech-to-text-processor.js";
export { KyutaiSpeechToTextTokenizer as AutoTokenizer } from "./tokenizer.js";
