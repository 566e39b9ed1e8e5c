import { afterEach, beforeEach } from "vitest";
import { setWarningListener } from "../../../ts/model/logger.js";

/** The warnings of the running test. */
export function collectWarnings(): string[] {
  const warnings: string[] = [];
  beforeEach(() => {
    warnings.length = 0;
    setWarningListener((message) => warnings.push(message));
  });
  afterEach(() => setWarningListener());
  return warnings;
}
