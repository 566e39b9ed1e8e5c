/** Backend over the core in WebAssembly: a worker per engine, which owns its memory and takes it away with it. */
import type { Backend, EngineHandle, EngineOptions, ResamplerHandle, SourceOptions } from "../../contract/backend.js";
import type { ConversionHandle, ConversionOptions } from "../../contract/conversion.js";
import { SttError } from "../../contract/errors.js";
import type { ModelFile } from "../../contract/model-files.js";
import type { TokenizerFile, TokenizerHandle } from "../../contract/tokenizer.js";
import { compileCore } from "./compile-core.js";
import { CoreChannel } from "./core-channel.js";
import { corePath, isWeights, loadHeads, loadModel, MODEL_FOLDER, renamer } from "./model-loading.js";
import { WasmConversion } from "./wasm-conversion.js";
import { WasmEngine } from "./wasm-engine.js";
import type { ModelPath, WasmHost, WasmVariant } from "./wasm-host.js";
import { ResamplerMaker } from "./wasm-resampler.js";
import { TokenizerMaker } from "./wasm-tokenizer.js";

/** Milliseconds; a start takes some tenths of a second. */
const START_TIMEOUT = 15_000;

const OUTPUT_FOLDER = "memory:/out";
/** More have not been seen to help: the model's matrices are bound by memory. */
const MAX_DEFAULT_THREADS = 4;

export class WasmBackend implements Backend {
  readonly kind = "wasm";
  readonly #host: WasmHost;
  readonly #variant: WasmVariant;
  readonly #compiled: WebAssembly.Module;
  readonly #single: () => Promise<WebAssembly.Module>;
  readonly #tokenizers: TokenizerMaker;
  readonly #resamplers: ResamplerMaker;

  /** `compiled`: the build `variant`. */
  constructor(host: WasmHost, variant: WasmVariant, compiled: WebAssembly.Module) {
    this.#host = host;
    this.#variant = variant;
    this.#compiled = compiled;
    let single: Promise<WebAssembly.Module> | undefined = variant.threads ? undefined : Promise.resolve(compiled);
    this.#single = () => {
      single ??= compileCore(host, { threads: false, relaxed: variant.relaxed });
      return single;
    };
    this.#tokenizers = new TokenizerMaker(host, this.#single);
    this.#resamplers = new ResamplerMaker(() => this.#openSingle((text) => text));
  }

  /**
   * Starts a core once, with its threads: pages and processes may forbid what the platform has. Rejects with the reason,
   * also when nothing happens for long.
   */
  async prove(): Promise<void> {
    const opening = this.#open(2, (text) => text);
    const channel = await within(START_TIMEOUT, opening, "the core with threads did not start");
    channel.close();
  }

  async createEngine(path: string, options: EngineOptions): Promise<EngineHandle> {
    const model = await this.#host.findFiles(path);
    const needed = await this.#neededWeights(model, options);
    const threads = this.#threads(options.threads);
    const channel = await this.#open(threads, renamer(model.folder));
    try {
      await loadModel(channel, model, needed);
      return new WasmEngine(channel, await channel.call("createEngine", [corePath(model), { ...options, threads }]));
    } catch (error) {
      channel.close();
      throw error;
    }
  }

  async describeModel(path: string, options: SourceOptions): Promise<string> {
    const model = await this.#host.findFiles(path);
    return renameJson(await this.#describe(model, options), MODEL_FOLDER, model.folder);
  }

  createResampler(rateIn: number, rateOut: number): Promise<ResamplerHandle> {
    return this.#resamplers.make(rateIn, rateOut);
  }

  async createConversion(source: string, target: string, options: ConversionOptions): Promise<ConversionHandle> {
    const { writeFile } = this.#host;
    if (writeFile === undefined) {
      throw new SttError("ERR_INVALID_ARGUMENT", "there is no disk here to write a model to", {
        remedy: "Convert it in Node, or with the command kyutai-stt convert.",
      });
    }
    const model = await this.#host.findFiles(source);
    const isFolder = options.format === "safetensors";
    if (isFolder && model.folder === target.replace(/[\\/]+$/, "")) {
      throw new SttError("ERR_INVALID_ARGUMENT", `${target}: is the folder of the source; give another one`);
    }
    if (!isFolder) {
      await this.#host.checkWritable(target);
    }
    const needed = await this.#neededWeights(model, {});
    const [, folder = "", name = target] = /^(.*[\\/])?([^\\/]+)$/s.exec(target) ?? [];
    const toUser = (text: string): string => renamer(model.folder)(text).replaceAll(`${OUTPUT_FOLDER}/`, folder);
    const threads = this.#threads(options.threads);
    const channel = await this.#open(threads, toUser);
    try {
      await loadModel(channel, model, needed, false);
      const output = `${OUTPUT_FOLDER}/${name}`;
      const toDisk = (path: string): string => `${folder}${path.slice(OUTPUT_FOLDER.length + 1)}`;
      const id = await channel.call("createConversion", [corePath(model), output, { ...options, threads }]);
      return new WasmConversion(channel, id, {
        write: (path, chunks) => writeFile(toDisk(path), chunks),
        rename: (json) => renameJson(renameJson(json, MODEL_FOLDER, model.folder), `${OUTPUT_FOLDER}/`, folder),
      });
    } catch (error) {
      channel.close();
      throw error;
    }
  }

  async createTokenizer(source: string | TokenizerFile): Promise<TokenizerHandle> {
    return this.#tokenizers.make(typeof source === "string" ? await this.#findVocabulary(source) : source);
  }

  async #findVocabulary(path: string): Promise<TokenizerFile> {
    const model = await this.#host.findFiles(path);
    const rename = renamer(model.folder);
    const file = await this.#briefly(model, (channel) => channel.call("findVocabulary", [corePath(model)]));
    return { ...file, name: rename(file.name) };
  }

  /** The files of weights that the core will read; it is asked where there is a choice. */
  async #neededWeights(model: ModelPath, options: SourceOptions): Promise<readonly ModelFile[]> {
    const weights = model.files.filter(isWeights);
    if (model.isExact || weights.length < 2) {
      return weights;
    }
    const { files } = JSON.parse(await this.#describe(model, options)) as { files: readonly string[] };
    return weights.filter(({ name }) => files.includes(`${MODEL_FOLDER}/${name}`));
  }

  #describe(model: ModelPath, { codebooks, transformersCompat }: SourceOptions): Promise<string> {
    const options = {
      ...(codebooks === undefined ? {} : { codebooks }),
      ...(transformersCompat === undefined ? {} : { transformersCompat }),
    };
    return this.#briefly(model, (channel) => channel.call("describeModel", [corePath(model), options]));
  }

  /** Asks something about a model in a worker that is ended then: memory once taken is not given back otherwise. */
  async #briefly<T>(model: ModelPath, ask: (channel: CoreChannel) => Promise<T>): Promise<T> {
    const channel = await this.#openSingle(renamer(model.folder));
    try {
      await loadHeads(channel, model);
      return await ask(channel);
    } finally {
      channel.close();
    }
  }

  /** 0: as many as there are processors, up to a bound. */
  #threads(wanted: number): number {
    if (!this.#variant.threads) {
      return 1;
    }
    return wanted > 0 ? wanted : Math.min(this.#host.processors, MAX_DEFAULT_THREADS);
  }

  async #open(threads: number, rename: (text: string) => string): Promise<CoreChannel> {
    if (threads === 1) {
      return this.#openSingle(rename);
    }
    return this.#start(this.#variant.threads, this.#compiled, threads - 1, rename);
  }

  async #openSingle(rename: (text: string) => string): Promise<CoreChannel> {
    return this.#start(false, await this.#single(), 0, rename);
  }

  async #start(threads: boolean, compiled: WebAssembly.Module, poolSize: number, rename: (text: string) => string) {
    const channel = new CoreChannel(this.#host.startWorker(), rename);
    try {
      const threadUrl = threads ? this.#host.threadUrl?.() : undefined;
      await channel.call("start", [this.#host.glueUrl(threads), compiled, poolSize, threadUrl]);
    } catch (error) {
      channel.close();
      throw error;
    }
    return channel;
  }
}

function within(milliseconds: number, opening: Promise<CoreChannel>, failure: string): Promise<CoreChannel> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const message = `${failure} within ${milliseconds / 1000} s`;
      reject(new SttError("ERR_BACKEND_UNAVAILABLE", message, { remedy: "Check what the page forbids (CSP)." }));
      // What comes too late is not kept.
      opening.then((channel) => channel.close()).catch(() => {});
    }, milliseconds);
    opening.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Replaces a path inside the strings of a JSON text. */
function renameJson(json: string, from: string, to: string): string {
  return json.replaceAll(from, JSON.stringify(to).slice(1, -1));
}
