/** Codes and tokens as transformers gives them, through the public classes, for every fixture and case. */
import { describe, expect, test } from "vitest";
import { readFixtures } from "./fixture.js";
import { nodePlatform } from "./node-platform.js";
import { testTokensAndCodes } from "./tokens-suite.js";

const fixtures = readFixtures();

test("there are fixtures of every weight type", () => {
  const types = fixtures.map(({ manifest }) => manifest.dtype);
  expect(types.filter((type) => type === "f32").length).toBeGreaterThanOrEqual(4);
  expect(types).toContain("bf16");
  expect(types).toContain("f16");
});

describe.each(fixtures)("$name", (fixture) =>
  testTokensAndCodes(fixture, { backend: "cpu", threads: 1 }, nodePlatform),
);
