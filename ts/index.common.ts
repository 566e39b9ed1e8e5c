/** What the package offers on every platform. */
export { listBackends } from "./api/backends.js";
export type { Capacity } from "./api/capacity.js";
export type { Channels } from "./api/channel-labels.js";
export type { ChannelEvent, ChannelSession } from "./api/channel-session.js";
export { type InspectOptions, inspectModel, type ModelSummary } from "./api/inspect.js";
export type {
  EndEvent,
  ErrorEvent,
  FlushedEvent,
  LiveEvent,
  MoshiEvent,
  ProgressEvent,
  QueuedEvent,
  RefreshEvent,
  StartedEvent,
  TokenEvent,
  TurnEvent,
  VadEvent,
  WarningEvent,
  WordEvent,
} from "./api/live-events.js";
export type { LiveSession, SessionState } from "./api/live-session.js";
export type { ModelInfo } from "./api/model-info.js";
export type { HubLoadOptions, LoadOptions, Progress, TranscribeOptions, TranscribeSource } from "./api/options.js";
export type { PcmChunk, PcmFormat, WriteOptions } from "./api/pcm-chunks.js";
export {
  type AsrChunk,
  type AsrOptions,
  type AsrResult,
  AutomaticSpeechRecognitionPipeline,
  type PipelineAudio,
  type PipelineOptions,
  type PipelineTask,
  pipeline,
} from "./api/pipeline.js";
export type { PromptOptions, SessionOptions } from "./api/session-options.js";
export {
  type ChannelSessionOptions,
  type RestoreOptions,
  SpeechToText,
  type TranscriptionResult,
} from "./api/speech-to-text.js";
export type { StepTimes } from "./api/step-meter.js";
export { toSrt, toVtt } from "./api/subtitles.js";
export type { TranscriptionEvent, Turn, Word } from "./api/transcript.js";
export { type TransformPair, transcriptionStream } from "./api/web-streams.js";
export type { AudioSource, RawAudio } from "./audio/types.js";
export {
  CONVERSION_FORMATS,
  type ConversionFormat,
  type ConversionReport,
  type ConvertedTensor,
  WEIGHT_TYPES,
  type WeightType,
} from "./contract/conversion.js";
export { SttError, type SttErrorCode } from "./contract/errors.js";
export type { RefreshParams, SessionPriority, TurnParams } from "./contract/session.js";
export type { AudioExample, AudioInput } from "./model/audio-input.js";
export {
  AutoConfig,
  AutoFeatureExtractor,
  AutoModel,
  AutoModelForMultimodalLM,
  AutoModelForSpeechSeq2Seq,
  AutoProcessor,
  AutoTokenizer,
} from "./model/auto.js";
export { BatchFeature } from "./model/batch-feature.js";
export { type DescribeOptions, describeModel, type ModelDescription } from "./model/describe-model.js";
export {
  DynamicCache,
  type DynamicCacheOptions,
  type LegacyCache,
  type LegacyCacheLayer,
} from "./model/dynamic-cache.js";
export type { BackendReport } from "./model/engine-loader.js";
export type { FeaturesToPad, PaddedFeatures, PadOptions } from "./model/features-to-pad.js";
export type { ModelPart } from "./model/foreign-layout.js";
export {
  BaseModelOutputWithPast,
  type CausalLMForwardOptions,
  CausalLMOutputWithPast,
  type ForwardOptions,
  type IdTensor,
} from "./model/forward-options.js";
export {
  GenerateDecoderOnlyOutput,
  type GenerateOptions,
  type GenerationOptions,
  type LogitsProcessor,
  type PrefixAllowedTokens,
  type StoppingCriteria,
  type Streamer,
  type TokenRows,
} from "./model/generate-options.js";
export { GenerationConfig } from "./model/generation-config.js";
export { KyutaiSpeechToTextConfig } from "./model/kyutai-speech-to-text-config.js";
export {
  type FeatureExtractorOptions,
  KyutaiSpeechToTextFeatureExtractor,
} from "./model/kyutai-speech-to-text-feature-extractor.js";
export { KyutaiSpeechToTextForConditionalGeneration } from "./model/kyutai-speech-to-text-for-conditional-generation.js";
export { KyutaiSpeechToTextModel } from "./model/kyutai-speech-to-text-model.js";
export {
  KyutaiSpeechToTextProcessor,
  type ProcessorAudio,
  type ProcessorInputs,
  type ProcessorOptions,
} from "./model/kyutai-speech-to-text-processor.js";
export type { PretrainedModelOptions } from "./model/load-model.js";
export { setWarningListener, type WarningListener } from "./model/logger.js";
export { MimiConv1dPaddingCache, MimiKeyValueCache } from "./model/mimi-caches.js";
export { MimiConfig } from "./model/mimi-config.js";
export type { MimiModel } from "./model/mimi-model.js";
export type { AsTuple, DecodeCodesOptions, EncodeOptions, MimiForwardInputs } from "./model/mimi-options.js";
export type {
  MimiDecoderOutput,
  MimiDecoderTuple,
  MimiEncoderOutput,
  MimiEncoderTuple,
  MimiOutput,
  MimiTuple,
} from "./model/mimi-outputs.js";
export type { ModelLocation, ModelSource } from "./model/model-folder.js";
export type { PretrainedOptions, ProgressInfo } from "./model/pretrained-options.js";
export { type ReadAudioOptions, read_audio } from "./model/read-audio.js";
export type { BackendPreference, TriedBackend } from "./model/runtime.js";
export type { SavePretrainedOptions } from "./model/save-model.js";
export { BaseStreamer, TextStreamer, type TextStreamerOptions } from "./model/streamers.js";
export type { TextOptions } from "./model/text-features.js";
export { type DecodeOptions, KyutaiSpeechToTextTokenizer, type TokenIds } from "./model/tokenizer.js";
export type { FloatType } from "./model/transformers-folder.js";
export { type SliceRange, Tensor, type TensorLike, type TensorType } from "./tensor/tensor.js";
