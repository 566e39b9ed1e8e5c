/** Which options of generate() mean nothing here, which change nothing, and why the others are refused. */
import { BEAMS, EXTRA_OUTPUTS, isGenerationOption, OF_PROMPTS, REFUSED, SAMPLING } from "./generation-names.js";
import { warn } from "./logger.js";
import { invalidArgument, show } from "./option-checks.js";

type Settings = Readonly<Record<string, unknown>>;

/** Refuses what is unknown or cannot be honoured, and warns of what has no effect. `options`: those of the call. */
export function checkSupport(options: Settings, settings: Settings): void {
  const unknown = Object.keys(options).filter((name) => !isGenerationOption(name));
  if (unknown.length > 0) {
    throw invalidArgument(
      `The following \`model_kwargs\` are not used by the model: ${listed(unknown)}`,
      "Check the spelling, or leave them out.",
    );
  }
  for (const [name, { neutral, reason }] of Object.entries(REFUSED)) {
    const value = settings[name];
    if (isSet(value) && value !== undefined && !neutral.includes(value)) {
      throw refusal(name, value, reason);
    }
    if (value === false && !neutral.includes(false)) {
      throw refusal(name, value, reason);
    }
  }
  for (const [name, neutral] of Object.entries(OF_PROMPTS)) {
    if (isSet(settings[name]) && settings[name] !== neutral) {
      warn(
        `Passing \`${name}\` requires some form of \`input_ids\` to be passed to \`generate\`, ignoring the argument.`,
      );
    }
  }
  warnOfUseless(Object.keys(options), settings);
  for (const name of EXTRA_OUTPUTS) {
    if (settings[name] === true && settings["return_dict_in_generate"] !== true) {
      warn(
        `\`return_dict_in_generate\` is NOT set to \`True\`, but \`${name}\` is. When \`return_dict_in_generate\` is not ` +
          `\`True\`, \`${name}\` is ignored.`,
      );
    }
  }
}

/** Warns of those of `names` that have no effect beside the other settings. */
export function warnOfUseless(names: readonly string[], settings: Settings): void {
  const useless = new Map(settings["do_sample"] === true ? BEAMS : [...SAMPLING, ...BEAMS]);
  const ignored = names.filter(
    (name) => useless.has(name) && isSet(settings[name]) && settings[name] !== useless.get(name),
  );
  if (ignored.length > 0) {
    warn(`The following generation flags are not valid and may be ignored: ${listed(ignored)}`);
  }
}

export function refusal(name: string, value: unknown, reason: string): Error {
  return invalidArgument(`generate() does not support '${name}' = ${show(value)}: ${reason}`, `Leave out '${name}'.`);
}

function listed(names: readonly string[]): string {
  return `[${names.map((name) => `'${name}'`).join(", ")}]`;
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && !(Array.isArray(value) && value.length === 0);
}
