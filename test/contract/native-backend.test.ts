import { cpuCandidate } from "../../ts/backend/native/native-candidate.js";
import { SMALL_MODEL } from "./addon-path.js";
import { testBackend } from "./backend-suite.js";

testBackend("native cpu", { open: () => cpuCandidate.open(), model: SMALL_MODEL });
