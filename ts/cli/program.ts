/** Arguments to commands, errors to exit codes. */
import { readFile } from "node:fs/promises";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { CONVERSION_FORMATS, setWarningListener, WEIGHT_TYPES } from "../index.node.js";
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./command-context.js";
import { convert } from "./convert-command.js";
import { errorText } from "./error-text.js";
import { addHubCommands, CACHE_OPTION } from "./hub-program.js";
import { info, modelInfo } from "./info-command.js";
import { BrokenPipe, type CliIo, write } from "./io.js";
import { listen } from "./listen-command.js";
import { encode, generate } from "./model-commands.js";
import { TRANSCRIBE_FORMATS, transcribe } from "./transcribe-command.js";

/** How a checkpoint is taken. */
const CODEBOOKS_OPTION = "--codebooks <n>";
const CODEBOOKS_HELP =
  "audio streams to read, as unmute does with 20 of 32: cheaper, a little less exact (default: all)";
const COMPAT_OPTION = "--transformers-compat";
const COMPAT_HELP =
  "take a model as transformers has it: Kyutai's own layouts as its conversion would make them, its 1b with a window of 375";

/** What a shell reports for a program that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

const STDIN_HELP = `
FILE: a path or http(s) URL; - (or a final --) reads standard input.
Exit status: 0 done, 1 a file failed (the others were done), 2 wrong usage.`;

const LISTEN_HELP = `
Records with the first of parec, pw-record, arecord, rec (sox), ffmpeg that works. Ctrl-C ends, after the last words.`;

/** Runs the command line on `argv` (without node and script); resolves to the exit status. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  setWarningListener((message) => {
    io.stderr.write(`warning: ${message}\n`);
  });
  let exitCode = EXIT_OK;
  try {
    const program = await createProgram(io, (code) => {
      exitCode = code;
    });
    await program.parseAsync(withStdin(argv), { from: "user" });
    return exitCode;
  } catch (error) {
    return await exitCodeOf(error, io);
  } finally {
    setWarningListener();
  }
}

/** A lone -- at the end stands for standard input. */
function withStdin(argv: readonly string[]): string[] {
  return argv.at(-1) === "--" ? [...argv.slice(0, -1), "-"] : [...argv];
}

async function exitCodeOf(error: unknown, io: CliIo): Promise<number> {
  if (error instanceof BrokenPipe) {
    return EXIT_OK;
  }
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  }
  if (io.signal.aborted) {
    return EXIT_INTERRUPTED;
  }
  await write(io.stderr, errorText(error));
  return EXIT_FAILED;
}

async function createProgram(io: CliIo, setExitCode: (code: number) => void): Promise<Command> {
  const version = await packageVersion();
  const program = new Command("kyutai-stt")
    .description("Kyutai speech-to-text: recordings to words with times.")
    .version(version)
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .exitOverride();
  modelCommand(program, "transcribe", "print what is said in recordings")
    .option(COMPAT_OPTION, COMPAT_HELP)
    .addOption(new Option("--format <format>", "output format").choices(TRANSCRIBE_FORMATS).default("text"))
    .option("--output <dir>", "write one file per recording there instead of standard output")
    .option("--timestamps", "text: a line per word, with its start and end in seconds", false)
    .option("--vad", "tell where somebody speaks and pauses; text: a new line at each pause", false)
    .option("--stream", "print words as they come; json: a line per event", false)
    .option("--channels <names>", 'keep channels apart: "split", or a name for each, separated by commas')
    .action(async (files, options) => setExitCode(await transcribe(files, options, io)));
  modelCommand(program, "generate", "print the tokens of processor + generate, several files as one padded batch")
    .addOption(new Option("--format <format>", "output format").choices(["json", "text"]).default("json"))
    .option("--max-new-tokens <n>", "at most this many tokens", positiveInteger)
    .option("--audio-window-size <n>", "frames per call of the codec (default: all)", positiveInteger)
    .option(COMPAT_OPTION, "take Kyutai's own layouts as transformers' conversion would make them")
    .option("--no-transformers-compat", "take transformers' 1b with the window it was trained with, 750 steps, not 375")
    .action(async (files, options) => setExitCode(await generate(files, options, io)));
  modelCommand(program, "encode", "print the codec's codes of recordings")
    .addOption(new Option("--format <format>", "output format").choices(["json"]).default("json"))
    .action(async (files, options) => setExitCode(await encode(files, options, io)));
  addHubCommands(program, io, setExitCode);
  withModelOptions(program.command("listen"))
    .description("print what is said into the microphone, word by word")
    .option(COMPAT_OPTION, COMPAT_HELP)
    .option("--rate <hz>", "sample rate of the recording (default: 24000; needed with --stdin)", positiveInteger)
    .option("--device <name>", "recording device, as the recording program names it")
    .option("--channels <names>", 'a speaker per channel: "split", or a name for each, separated by commas')
    .option("--vad", "with --json: the model's pause probabilities, too", false)
    .option("--json", "a JSON line per event", false)
    .option("--stdin", "read raw PCM from standard input instead", false)
    .addOption(new Option("--format <format>", "of --stdin").choices(["s16le", "f32le"]).default("s16le"))
    .addHelpText("after", LISTEN_HELP)
    .action(async (options) => setExitCode(await listen(options, io)));
  program
    .command("convert")
    .description("rewrite a checkpoint: as one GGUF file, or as a folder that transformers loads")
    .argument("<source>", "checkpoint folder or file, or id on the Hub")
    .argument("<out>", "file to write, or folder with --format safetensors; files of the same names are replaced")
    .addOption(new Option("--format <format>", "what to write").choices(CONVERSION_FORMATS).default("gguf"))
    .addOption(
      new Option("--dtype <type>", "of the decoder's weights (default: q8_0; safetensors: as stored)").choices(
        WEIGHT_TYPES,
      ),
    )
    .option("--small", "gguf: the codec in f16, embeddings in q4_k where --dtype has 4 bits")
    .option("--codec-decoder", "gguf: also the half of the codec that turns codes into audio")
    .option(COMPAT_OPTION, COMPAT_HELP)
    .option("--max-shard-size <size>", 'safetensors: bytes of one file at most, such as "5GB" (default: 50GB)')
    .option(
      "--keep <rule>",
      'keep tensors whose names fit as they are, or in a type: "model.layers.0.*", "lm_head.weight=f16" (repeatable)',
      (rule: string, rules: string[]) => [...rules, rule],
      [] as string[],
    )
    .option("--threads <n>", "threads to use, 1 to 256 (default: all processors)", threadCount)
    .option(...CACHE_OPTION)
    .option("--json", "print what became of every tensor", false)
    .action(async (source, target, options) => setExitCode(await convert(source, target, options, io)));
  program
    .command("info")
    .description("print what a model is; without one, the version and which backends work here")
    .argument("[model]", "checkpoint folder or file, id on the Hub, or digits-en")
    .option(CODEBOOKS_OPTION, CODEBOOKS_HELP, positiveInteger)
    .option(COMPAT_OPTION, COMPAT_HELP)
    .option(...CACHE_OPTION)
    .option("--json", "as JSON, with every detail", false)
    .action(async (model, options) =>
      setExitCode(await (model === undefined ? info(version, io) : modelInfo(model, options, io))),
    );
  return program;
}

function modelCommand(program: Command, name: string, description: string): Command {
  return withModelOptions(program.command(name))
    .description(description)
    .argument("<file...>", "recordings")
    .option("--accept-truncated", "use what a file that ends early holds", false)
    .addHelpText("after", STDIN_HELP);
}

function withModelOptions(command: Command): Command {
  return command
    .option("--model <model>", "checkpoint folder or file, or id on the Hub (default: the embedded model digits-en)")
    .option(...CACHE_OPTION)
    .option(CODEBOOKS_OPTION, CODEBOOKS_HELP, positiveInteger)
    .addOption(
      new Option("--backend <backend>", "where to compute").choices(["auto", "cuda", "cpu", "wasm"]).default("auto"),
    )
    .option("--threads <n>", "threads to use, 1 to 256", threadCount);
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError("It must be an integer from 1.");
  }
  return value;
}

function threadCount(text: string): number {
  const value = positiveInteger(text);
  if (value > 256) {
    throw new InvalidArgumentError("It must be at most 256.");
  }
  return value;
}

/** Both ts/cli and dist/cli lie two levels below package.json. */
async function packageVersion(): Promise<string> {
  const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
