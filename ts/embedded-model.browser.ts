/** The files of the embedded model. Each is written out: bundlers find them by this very form. */
import { assetUrl } from "./assets.browser.js";

const FOLDER = "models/digits-en";

const asset = (name: string, bundled: () => URL): [string, () => URL] => [
  name,
  () => assetUrl(`${FOLDER}/${name}`) ?? bundled(),
];

export const embeddedFiles: ReadonlyMap<string, () => URL> = new Map([
  asset("config.json", () => new URL("../models/digits-en/config.json", import.meta.url)),
  asset("generation_config.json", () => new URL("../models/digits-en/generation_config.json", import.meta.url)),
  asset("preprocessor_config.json", () => new URL("../models/digits-en/preprocessor_config.json", import.meta.url)),
  asset("special_tokens_map.json", () => new URL("../models/digits-en/special_tokens_map.json", import.meta.url)),
  asset("tokenizer.json", () => new URL("../models/digits-en/tokenizer.json", import.meta.url)),
  asset("tokenizer_config.json", () => new URL("../models/digits-en/tokenizer_config.json", import.meta.url)),
  asset("model.safetensors", () => new URL("../models/digits-en/model.safetensors", import.meta.url)),
]);
