import { fileURLToPath } from "node:url";
import { cpuCandidate } from "../../ts/backend/native/native-candidate.js";
import { testBackend } from "./backend-suite.js";

testBackend("native cpu", {
  open: () => cpuCandidate.open(),
  model: fileURLToPath(new URL("../fixtures/parity/plain-f32/checkpoint", import.meta.url)),
});
