import { BEST_KERNELS } from "./build.js";
import { testParity } from "./parity-suite.js";

testParity(BEST_KERNELS);
