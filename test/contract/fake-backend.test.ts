import { fileURLToPath } from "node:url";
import { testBackend } from "./backend-suite.js";
import { FakeBackend } from "./fake-backend.js";

testBackend("fake", {
  open: async () => new FakeBackend(),
  model: fileURLToPath(new URL(".", import.meta.url)),
});
