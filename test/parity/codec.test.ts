/** The codec alone, on the addon. */
import { describe } from "vitest";
import { CODEC_FIXTURES } from "./codec-fixture.js";
import { testCodec } from "./codec-suite.js";

describe.each(CODEC_FIXTURES)("%s", (name) => testCodec(name, {}));
