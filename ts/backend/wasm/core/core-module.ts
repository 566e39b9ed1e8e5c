/** One instance of the core in WebAssembly: calls of kstt.h by name, its memory, its errors. */
import { CONSTANTS, type KsttFunctions, LAYOUT } from "../layout.js";

/** What Emscripten's glue gives. */
export interface CoreModule extends KsttFunctions {
  /** Its buffer is another one after the memory has grown. */
  readonly wasmMemory: WebAssembly.Memory;
}

export interface CoreModuleOptions {
  instantiateWasm(
    imports: WebAssembly.Imports,
    receive: (instance: WebAssembly.Instance, module?: WebAssembly.Module) => void,
  ): object;
  /** Threads of the pool, the calling one not counted; the build without threads ignores it. */
  readonly pthreadPoolSize: number;
  /** The address of a file beside the loader. */
  readonly locateFile?: (name: string) => string;
  /** The loader's own address, for its threads. */
  readonly mainScriptUrlOrBlob?: string;
  print(text: string): void;
  printErr(text: string): void;
}

export type CoreFactory = (options: CoreModuleOptions) => Promise<CoreModule>;

/** A call of the core failed in an orderly way. */
export class CoreFailure extends Error {
  /** A kstt_status. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What the instance printed last: after a trap this is all there is to say about it. */
const MAX_PRINTED = 2000;

/**
 * Starts an instance from the loaded glue and the compiled module. `threads`: where the loader and the script of its
 * threads are, if their names are not those that the loader knows. Rejects when memory or threads cannot be had, or when
 * the module is of another version.
 */
export async function startCore(
  factory: CoreFactory,
  compiled: WebAssembly.Module,
  poolSize: number,
  threads?: { readonly glue: string; readonly threadUrl: string },
) {
  let printed = "";
  const print = (text: string): void => {
    printed = `${printed}${text}\n`.slice(-MAX_PRINTED);
  };
  const module = await new Promise<CoreModule>((resolve, reject) => {
    const options: CoreModuleOptions = {
      instantiateWasm(imports, receive) {
        // A failure here would otherwise leave the glue waiting for ever.
        WebAssembly.instantiate(compiled, imports).then((instance) => receive(instance, compiled), reject);
        return {};
      },
      pthreadPoolSize: poolSize,
      ...(threads === undefined ? {} : { locateFile: () => threads.threadUrl, mainScriptUrlOrBlob: threads.glue }),
      print,
      printErr: print,
    };
    factory(options).then(resolve, reject);
  });
  // The module was looked at when it was compiled; loader and worker may come from some cache.
  if (!(`_${LAYOUT}` in module)) {
    const message =
      "the WebAssembly core's loader, or its worker, is of another version than its module; load them anew";
    throw new CoreFailure(CONSTANTS.KSTT_STATUS_DEVICE_UNAVAILABLE, message);
  }
  return { module, printed: () => printed.trim() };
}
