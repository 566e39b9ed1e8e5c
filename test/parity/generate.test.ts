/** generate() under rules, on the addon. */
import { GENERATE_FIXTURES, testGenerate } from "./generate-suite.js";

for (const name of GENERATE_FIXTURES) {
  testGenerate(name, { backend: "cpu", threads: 2 });
}
