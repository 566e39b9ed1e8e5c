/** Where a model is and in which type: what callers of transformers ask models for, and set on them. */
import type { EngineInfo } from "../contract/backend.js";
import { invalidArgument, show } from "./option-checks.js";

const DTYPES: Readonly<Record<string, string>> = { f32: "float32", bf16: "bfloat16", f16: "float16" };

/** The type of most weights with the name that transformers has for it; that of the core for others ("q8_0"). */
export function dtypeOf({ weightType }: EngineInfo): string {
  return DTYPES[weightType] ?? weightType;
}

/** Refuses a move to anywhere else than where the model is: that is decided when it is loaded. */
export function checkPlacement(info: EngineInfo, places: readonly unknown[]): void {
  for (const place of places) {
    const values = typeof place === "object" && place !== null ? Object.values(place) : [place];
    const isHere = values.every((value) => value === undefined || value === info.device || value === dtypeOf(info));
    if (!isHere) {
      throw invalidArgument(
        `a model cannot be moved to ${show(place)}: it is on "${info.device}" in ${dtypeOf(info)}`,
        "Pass { device } to from_pretrained; for another type write the checkpoint anew with convertModel.",
      );
    }
  }
}
