/** The arguments of a call of the processor, sorted as transformers' ProcessorMixin does. */
import { checkReturnTensors } from "./batch-feature.js";
import { FEATURE_EXTRACTOR_OPTIONS } from "./kyutai-speech-to-text-feature-extractor.js";
import type { ProcessorAudio } from "./kyutai-speech-to-text-processor.js";
import { warn } from "./logger.js";
import { isObject } from "./model-folder.js";
import { invalidArgument, show } from "./option-checks.js";
import { TEXT_OPTIONS, type TextOptions } from "./text-features.js";

const CLASS_NAME = "KyutaiSpeechToTextProcessor";

/** Rate the processor assumes when none is given (class default of the reference). */
const DEFAULT_RATE = 24_000;

export interface ProcessorCall {
  readonly recordings: ProcessorAudio;
  /** undefined: none. */
  readonly text: unknown;
  readonly forAudio: Record<string, unknown>;
  readonly forText: TextOptions;
}

export function splitProcessorCall(given: Readonly<Record<string, unknown>>): ProcessorCall {
  const { audio, text, images, videos, audio_kwargs, text_kwargs, common_kwargs, ...flat } = given;
  if (isGiven(flat["audios"]) && !isGiven(audio)) {
    throw invalidArgument(
      "You passed keyword argument `audios` which is deprecated. Please use `audio` instead.",
      "Call it `audio`.",
    );
  }
  for (const [name, value] of Object.entries({ images, videos })) {
    if (isGiven(value)) {
      throw invalidArgument(`${CLASS_NAME}: it has nothing to process '${name}' with`, `Leave out '${name}'.`);
    }
  }
  if (!isGiven(audio)) {
    throw invalidArgument(
      `audio is required: You need to provide at least one input to call ${CLASS_NAME}`,
      isGiven(text) ? "For text alone use processor.tokenizer." : "Pass samples at 24000 Hz, or a list of them.",
    );
  }
  const common = nestedOptions("common_kwargs", common_kwargs);
  checkReturnTensors(common["return_tensors"]);
  warnOfUnknown(Object.keys(common).filter((name) => name !== "return_tensors"));
  const forAudio = nestedOptions("audio_kwargs", audio_kwargs);
  const forText = nestedOptions("text_kwargs", text_kwargs);
  const isForAudio = (name: string): boolean => (FEATURE_EXTRACTOR_OPTIONS as readonly string[]).includes(name);
  const isForText = (name: string): boolean => (TEXT_OPTIONS as readonly string[]).includes(name);
  refuseTwice("audio_kwargs", forAudio, flat, isForAudio);
  refuseTwice("text_kwargs", forText, flat, isForText);
  warnOfUnknown(Object.keys(flat).filter((name) => !isForAudio(name) && !isForText(name)));
  return {
    recordings: audio as ProcessorAudio,
    text: text ?? undefined,
    forAudio: { sampling_rate: DEFAULT_RATE, ...pick(flat, isForAudio), ...forAudio },
    forText: { ...pick(flat, isForText), ...forText },
  };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function nestedOptions(name: string, value: unknown): Record<string, unknown> {
  if (isGiven(value) && !isObject(value)) {
    throw invalidArgument(`${CLASS_NAME}: ${name} must be an object, not ${show(value)}`);
  }
  return { ...(value as object | undefined) };
}

function refuseTwice(
  where: string,
  nested: Readonly<Record<string, unknown>>,
  flat: Readonly<Record<string, unknown>>,
  belongs: (name: string) => boolean,
): void {
  const twice = Object.keys(nested).find((name) => belongs(name) && Object.hasOwn(flat, name));
  if (twice !== undefined) {
    throw invalidArgument(
      `Keyword argument ${twice} was passed two times: in a dictionary for ${where} and as a **kwarg.`,
      "Give it in one place.",
    );
  }
}

function warnOfUnknown(names: readonly string[]): void {
  for (const name of names) {
    warn(`Keyword argument \`${name}\` is not a valid argument for this processor and will be ignored.`);
  }
}

function pick(values: Readonly<Record<string, unknown>>, wanted: (name: string) => boolean): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => wanted(name)));
}
