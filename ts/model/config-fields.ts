/** Typed fields of configuration classes: default, check, and the message of a wrong value. */
import { SttError } from "../contract/errors.js";
import { show } from "./option-checks.js";

export interface ConfigField {
  readonly default: unknown;
  readonly expected: string;
  accepts(value: unknown): boolean;
}

/** Fields by name. */
export type ConfigFields = Readonly<Record<string, ConfigField>>;

/** Entries that take the place of those in a file, as transformers' from_pretrained takes them. */
export type FieldOverrides<F extends ConfigFields> = { [Name in keyof F]?: unknown };

/** Options apart from the entries of `fields` among them. */
export function splitOverrides<O extends object>(
  options: O,
  fields: ConfigFields,
): { options: O; overrides: Record<string, unknown> } {
  const isField = ([name]: [string, unknown]): boolean => Object.hasOwn(fields, name);
  const entries = Object.entries(options);
  return {
    options: Object.fromEntries(entries.filter((entry) => !isField(entry))) as O,
    overrides: Object.fromEntries(entries.filter(isField)),
  };
}

const isInteger = (value: unknown): boolean => Number.isSafeInteger(value);
const isNumber = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value);
const isIntegerList = (value: unknown): boolean => Array.isArray(value) && value.every(isInteger);

export const integer = (value: number): ConfigField => ({ default: value, expected: "int", accepts: isInteger });
export const number = (value: number): ConfigField => ({ default: value, expected: "float", accepts: isNumber });
export const boolean = (value: boolean): ConfigField => ({
  default: value,
  expected: "bool",
  accepts: (given) => typeof given === "boolean",
});
export const text = (value: string): ConfigField => ({
  default: value,
  expected: "str",
  accepts: (given) => typeof given === "string",
});
export const integers = (value: readonly number[]): ConfigField => ({
  default: value,
  expected: "list[int]",
  accepts: isIntegerList,
});
export const integerOrList = (value: number | null): ConfigField => ({
  default: value,
  expected: "int or list[int]",
  accepts: (given) => isInteger(given) || isIntegerList(given),
});
export const nullable = (field: ConfigField, value: unknown = null): ConfigField => ({
  default: value,
  expected: `${field.expected} or null`,
  accepts: (given) => given === null || field.accepts(given),
});

/** What every configuration of transformers has and a model's forward() reads. */
export const GENERIC_FIELDS = {
  return_dict: boolean(true),
  output_hidden_states: boolean(false),
  output_attentions: boolean(false),
};

/** Without the generic entries that say nothing, as transformers writes configurations. */
export function withoutGenericDefaults(values: Record<string, unknown>): Record<string, unknown> {
  const generic: ConfigFields = GENERIC_FIELDS;
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => generic[name]?.default !== value));
}

/** Names of the fields that transformers 5 wants as floats: in JSON they need a point, or its check refuses them. */
export function floatNames(...fields: readonly ConfigFields[]): ReadonlySet<string> {
  const names = fields.flatMap((group) =>
    Object.entries(group).filter(([, { expected }]) => expected.startsWith("float")),
  );
  return new Set(["rope_theta", ...names.map(([name]) => name)]);
}

/** Checks and sets some entries of a configuration; what is no field is set as it is. */
export function updateFields(target: object, fields: ConfigFields, values: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(values)) {
    checkField(name, fields[name], value);
    if (typeof (target as Record<string, unknown>)[name] === "function") {
      throw invalidConfig(`'${name}' is a method of this class, not an entry of the configuration`);
    }
    Object.assign(target, { [name]: value });
  }
}

function checkField(name: string, field: ConfigField | undefined, value: unknown): void {
  if (field !== undefined && value !== undefined && !field.accepts(value)) {
    throw invalidConfig(`field '${name}' expected ${field.expected}, got ${show(value)}`);
  }
}

/** Sets every field of `target` from `values` or its default; returns the entries that are no fields. */
export function assignFields(
  target: object,
  fields: ConfigFields,
  values: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  for (const [name, field] of Object.entries(fields)) {
    const value = values[name];
    checkField(name, field, value);
    const initial = Array.isArray(field.default) ? [...field.default] : field.default;
    Object.assign(target, { [name]: value === undefined ? initial : value });
  }
  return Object.fromEntries(Object.entries(values).filter(([name]) => !Object.hasOwn(fields, name)));
}

/** Keeps entries this class does not know, so that a configuration survives a round trip. */
export function assignExtras(target: object, extras: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(extras)) {
    // Members of the class (methods, derived values) win over entries of the same name.
    if (!(name in target)) {
      Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
    }
  }
}

export function invalidConfig(message: string, remedy = "Correct the configuration."): SttError {
  return new SttError("ERR_INVALID_ARGUMENT", message, { remedy });
}

export interface RopeParameters {
  rope_theta: number;
  rope_type: string;
  [key: string]: unknown;
}

/**
 * Rotary embedding settings from either spelling: `rope_theta` (transformers 4) or `rope_parameters` (5), which wins.
 * `rope_scaling`, the older name of the dict, counts as `rope_parameters`. Removes what it used from `extras`.
 */
export function takeRopeParameters(extras: Record<string, unknown>, defaultTheta: number): RopeParameters {
  const { rope_theta: theta, rope_parameters: parameters, rope_scaling: scaling } = extras;
  delete extras["rope_theta"];
  delete extras["rope_parameters"];
  delete extras["rope_scaling"];
  const given = parameters ?? scaling ?? {};
  if (typeof given !== "object" || Array.isArray(given)) {
    throw invalidConfig(`field 'rope_parameters' expected dict, got ${show(given)}`);
  }
  const dict = given as Record<string, unknown>;
  const result = {
    ...dict,
    rope_theta: dict["rope_theta"] ?? theta ?? defaultTheta,
    rope_type: dict["rope_type"] ?? dict["type"] ?? "default",
  };
  if (typeof result.rope_theta !== "number" || !(result.rope_theta > 0)) {
    throw invalidConfig(`field 'rope_theta' expected float above 0, got ${show(result.rope_theta)}`);
  }
  if (typeof result.rope_type !== "string") {
    throw invalidConfig(`field 'rope_type' expected str, got ${show(result.rope_type)}`);
  }
  return result as RopeParameters;
}
