/**
 * Tokenizers answer in place, so they cannot be in a worker: they use an instance of the core in the thread that asks,
 * the single-threaded build, which all of them share.
 */
import type { TokenizerFile, TokenizerHandle } from "../../contract/tokenizer.js";
import { Lifecycle } from "../lifecycle.js";
import { codedError, statusError } from "../status-error.js";
import { CoreFailure, startCore } from "./core/core-module.js";
import { CoreMemory } from "./core/memory.js";
import { CoreTokenizers } from "./core/tokenizer-calls.js";
import { keepFromForgetting, whenForgotten } from "./release.js";
import type { WasmHost } from "./wasm-host.js";

/** Calls of the shared instance, with its failures as the package's errors. */
class TokenizerCore {
  readonly #tokenizers: CoreTokenizers;
  #crash: string | undefined;

  constructor(tokenizers: CoreTokenizers) {
    this.#tokenizers = tokenizers;
  }

  get isDead(): boolean {
    return this.#crash !== undefined;
  }

  make<T>(call: (tokenizers: CoreTokenizers) => T): T {
    if (this.#crash !== undefined) {
      throw codedError("ERR_BACKEND_CRASHED", this.#crash);
    }
    try {
      return call(this.#tokenizers);
    } catch (error) {
      if (error instanceof CoreFailure) {
        throw statusError(error.status, error.message);
      }
      this.#crash = `the WebAssembly core has crashed: ${error instanceof Error ? error.message : String(error)}`;
      throw codedError("ERR_BACKEND_CRASHED", this.#crash);
    }
  }
}

export class TokenizerMaker {
  readonly #host: WasmHost;
  readonly #compiled: () => Promise<WebAssembly.Module>;
  #core: Promise<TokenizerCore> | undefined;

  /** `compiled`: the single-threaded build. */
  constructor(host: WasmHost, compiled: () => Promise<WebAssembly.Module>) {
    this.#host = host;
    this.#compiled = compiled;
  }

  /** The bytes are copied before the promise is returned. */
  async make({ kind, name, bytes }: TokenizerFile): Promise<TokenizerHandle> {
    const file = { kind, name, bytes: Uint8Array.from(bytes) };
    const core = await this.#start();
    const id = core.make((tokenizers) => tokenizers.create(file));
    return new WasmTokenizer(core, id);
  }

  async #start(): Promise<TokenizerCore> {
    const running = await this.#core?.catch(() => undefined);
    if (running === undefined || running.isDead) {
      this.#core = this.#open();
    }
    return this.#core ?? this.#open();
  }

  async #open(): Promise<TokenizerCore> {
    const [factory, compiled] = await Promise.all([this.#host.importGlue(this.#host.glueUrl(false)), this.#compiled()]);
    const { module } = await startCore(factory, compiled, 0);
    return new TokenizerCore(new CoreTokenizers(module, new CoreMemory(module)));
  }
}

class WasmTokenizer implements TokenizerHandle {
  readonly vocabSize: number;
  readonly #core: TokenizerCore;
  readonly #id: number;
  readonly #life: Lifecycle;

  constructor(core: TokenizerCore, id: number) {
    this.#core = core;
    this.#id = id;
    this.vocabSize = core.make((tokenizers) => tokenizers.vocabSize(id));
    const free = (): void => {
      if (!core.isDead) {
        core.make((tokenizers) => tokenizers.free(id));
      }
    };
    this.#life = new Lifecycle("tokenizer", async () => free());
    whenForgotten(this, free);
  }

  get file(): TokenizerFile {
    return this.#call((tokenizers) => tokenizers.file(this.#id));
  }

  encode(text: string): Int32Array {
    return this.#call((tokenizers) => tokenizers.encode(this.#id, text));
  }

  decode(ids: Int32Array, skipSpecial: boolean): string {
    return this.#call((tokenizers) => tokenizers.decode(this.#id, ids, skipSpecial));
  }

  piece(id: number): string | undefined {
    return this.#call((tokenizers) => tokenizers.piece(this.#id, id));
  }

  isSpecial(id: number): boolean {
    return this.#call((tokenizers) => tokenizers.isSpecial(this.#id, id));
  }

  toJson(): string {
    return this.#call((tokenizers) => tokenizers.toJson(this.#id));
  }

  dispose(): Promise<void> {
    keepFromForgetting(this);
    return this.#life.dispose();
  }

  #call<T>(call: (tokenizers: CoreTokenizers) => T): T {
    this.#life.assertOpen();
    return this.#core.make(call);
  }
}
