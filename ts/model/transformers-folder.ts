/** A checkpoint of any layout as a folder in the transformers layout: weights, and what describes them. */
import type { ConversionReport, WeightType } from "../contract/conversion.js";
import type { ModelDescription } from "./foreign-layout.js";
import { GenerationConfig } from "./generation-config.js";
import { KyutaiSpeechToTextConfig } from "./kyutai-speech-to-text-config.js";
import { warn } from "./logger.js";
import { copyModelFiles, readModelJson, removeOldWeights } from "./model-folder.js";
import { invalidArgument, show } from "./option-checks.js";
import { type ConversionWatch, runConversion } from "./run-conversion.js";

/** Types that weights in safetensors files can have. */
export const FLOAT_TYPES = ["f32", "f16", "bf16"] as const;

/** Types that weights in safetensors files can have. */
export type FloatType = (typeof FLOAT_TYPES)[number];

/** Names of the types in config.json. */
const TORCH_NAMES: Readonly<Partial<Record<WeightType, string>>> = { f32: "float32", f16: "float16", bf16: "bfloat16" };

const CLASS_NAME = "KyutaiSpeechToTextForConditionalGeneration";
const SINGLE_FILE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/** What transformers puts into one file at most. */
const DEFAULT_SHARD_BYTES = 50e9;
const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  TB: 1e12,
  GB: 1e9,
  MB: 1e6,
  KB: 1e3,
  TIB: 2 ** 40,
  GIB: 2 ** 30,
  MIB: 2 ** 20,
  KIB: 2 ** 10,
};

export interface FolderRequest extends ConversionWatch {
  /** undefined: as stored, bf16 where that is quantized. */
  readonly dtype?: FloatType | undefined;
  readonly maxShardBytes?: number | undefined;
  readonly keep?: readonly string[] | undefined;
  readonly threads?: number | undefined;
  readonly transformersCompat?: boolean | undefined;
}

/** Bytes of `max_shard_size`, a number or a text such as "5GB"; undefined for undefined. */
export function readShardSize(name: string, value: unknown): number | undefined {
  if (value === undefined) {
    return undefined;
  }
  const [, digits, unit] = /^\s*(\d+)\s*([KMGT]I?B)?\s*$/i.exec(String(value)) ?? [];
  const bytes = typeof value === "string" ? Number(digits) * (UNITS[unit?.toUpperCase() ?? "B"] ?? 1) : value;
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 1) {
    throw invalidArgument(`'${name}' must be a number of bytes or a text such as "5GB", not ${show(value)}`);
  }
  return bytes;
}

export async function writeTransformersFolder(
  source: { readonly path: string; readonly description: ModelDescription },
  folder: string,
  documents: { readonly config: KyutaiSpeechToTextConfig; readonly generationConfig: GenerationConfig },
  request: FolderRequest = {},
): Promise<ConversionReport | undefined> {
  const { path, description } = source;
  const asStored = request.dtype === undefined && request.maxShardBytes === undefined && !request.keep?.length;
  if (description.layout === "transformers" && asStored) {
    const weights = weightFiles(description.files);
    await copyModelFiles(weights, folder);
    await removeOldWeights(folder, weights.map(baseName));
    await saveDocuments(folder, documents.config, {
      ...(await codecEntries(path)),
      ...documents.generationConfig.to_dict(),
    });
    return undefined;
  }
  const report = await runConversion(
    path,
    folder,
    {
      format: "safetensors",
      ...(request.dtype === undefined ? {} : { dtype: request.dtype }),
      keep: request.keep ?? [],
      small: false,
      codecDecoder: false,
      transformersCompat: request.transformersCompat ?? false,
      maxShardBytes: request.maxShardBytes ?? DEFAULT_SHARD_BYTES,
      threads: request.threads ?? 0,
    },
    request,
  );
  await removeOldWeights(
    folder,
    report.files.map(({ path: file }) => baseName(file)),
  );
  sayWhatIsMissing(path, report);
  const config = KyutaiSpeechToTextConfig.from_dict({
    ...documents.config.to_dict(),
    architectures: [CLASS_NAME],
    dtype: TORCH_NAMES[report.dtype],
  });
  await saveDocuments(folder, config, {
    ...(description.layout === "transformers" ? await codecEntries(path) : {}),
    ...documents.generationConfig.to_dict(),
    ...startTokenRule(description, documents),
  });
  return report;
}

/** config.json last: without it the folder is no checkpoint. */
async function saveDocuments(
  folder: string,
  config: KyutaiSpeechToTextConfig,
  generation: Record<string, unknown>,
): Promise<void> {
  await new GenerationConfig(generation).save_pretrained(folder);
  await config.save_pretrained(folder);
}

/**
 * A head without a row for the start token gets one of zeros, which could win where all other logits are negative.
 * transformers and this package leave out what is suppressed.
 */
function startTokenRule(
  { output_vocab_size: size }: ModelDescription,
  { config, generationConfig }: { config: KyutaiSpeechToTextConfig; generationConfig: GenerationConfig },
): Record<string, unknown> {
  if (size >= config.vocab_size) {
    return {};
  }
  const { suppress_tokens: stored } = generationConfig;
  const others = Array.isArray(stored) ? stored.filter((id) => id !== config.vocab_size - 1) : [];
  return { suppress_tokens: [...others, config.vocab_size - 1] };
}

function sayWhatIsMissing(path: string, { codecDecoder, leftOut, tensors }: ConversionReport): void {
  if (!codecDecoder) {
    warn(
      `${path} holds only the encoder of its codec: transformers will say that it makes up the codec's decoder, which ` +
        "transcription never uses; codec_model.decode gives noise there.",
    );
  }
  const heads = leftOut.filter((name) => name.startsWith("extra_heads."));
  if (heads.length > 0) {
    warn(`${heads.length} heads that predict pauses were left out: transformers has no place for them.`);
  }
  const others = leftOut.filter((name) => !heads.includes(name));
  if (others.length > 0) {
    warn(
      `${path}: tensors that this model does not have were left out: ${others.slice(0, 3).join(", ")} (${others.length})`,
    );
  }
  const rounded = tensors.filter(({ reason }) => reason?.startsWith("quantized"));
  const types = [...new Set(rounded.map(({ to }) => to))].join(" or ");
  if (rounded.length > 0) {
    warn(
      `${path} is quantized: ${rounded.length} of its tensors are written as ${types}, with the values they stand for.`,
    );
  }
}

/** The files that hold weights, and of several the one that says which holds what. */
function weightFiles(files: readonly string[]): string[] {
  const weights = files.filter((file) => file.endsWith(".safetensors"));
  const [first = ""] = weights;
  return first.endsWith(SINGLE_FILE) ? weights : [...weights, `${first.replace(/[^/\\]*$/, "")}${INDEX}`];
}

function baseName(path: string): string {
  return path.replace(/^.*[/\\]/, "");
}

/** As transformers does: the codec's own generation config lies in the model's, under a prefix. */
async function codecEntries(path: string): Promise<Record<string, unknown>> {
  const stored = (await readModelJson(path, "generation_config.json")) ?? {};
  return Object.fromEntries(Object.entries(stored).filter(([name]) => name.startsWith("codec_")));
}
