/** The arguments of `download` and `cache`. */
import type { Command } from "commander";
import { download, listCache, removeFromCache } from "./hub-commands.js";
import type { CliIo } from "./io.js";

/** Of every command that may take a model from the Hub. */
export const CACHE_OPTION = [
  "--cache <dir>",
  "folder of downloaded models (default: that of huggingface_hub)",
] as const;
const JSON_OPTION = ["--json", "print JSON"] as const;

const ID_HELP = `
ID: org/name, org/name@revision, or hf://org/name/file.gguf. Environment: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN,
HF_HUB_OFFLINE and others of huggingface_hub.`;

export function addHubCommands(program: Command, io: CliIo, setExitCode: (code: number) => void): void {
  program
    .command("download")
    .description("bring a model of the Hub onto this machine and print where it is")
    .argument("<id>", "the model")
    .option("--revision <revision>", "branch, tag or commit (default: main)")
    .option(...CACHE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText("after", ID_HELP)
    .action(async (id, options) => setExitCode(await download(id, options, io)));
  const cache = program.command("cache").description("models on this machine");
  cache
    .command("ls")
    .description("list them: model, revision, commit, size, folder")
    .argument("[id]", "only this model")
    .option(...CACHE_OPTION)
    .option(...JSON_OPTION)
    .action(async (id, options) => setExitCode(await listCache(id, options, io)));
  cache
    .command("rm")
    .description("remove one, or one revision of it")
    .argument("<id>", "org/name or org/name@revision")
    .option(...CACHE_OPTION)
    .option(...JSON_OPTION)
    .action(async (id, options) => setExitCode(await removeFromCache(id, options, io)));
}
