/** The host's side of one worker: sends calls, matches answers, and tells everybody when the worker is lost. */
import { SttError } from "../../contract/errors.js";
import { statusError } from "../status-error.js";
import type { AnswerMessage, CallName, CoreCalls, CoreState } from "./core/calls.js";
import type { WorkerThread } from "./wasm-host.js";

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export class CoreChannel {
  readonly #thread: WorkerThread;
  readonly #pending = new Map<number, Pending>();
  readonly #rename: (text: string) => string;
  #sent = 0;
  /** Why no call can be made any more. */
  #end: SttError | undefined;
  /** Bytes of the instance's memory at the last answer. */
  memoryBytes = 0;
  /** Called with every answer, before the call's promise is settled. */
  onState: ((state: CoreState) => void) | undefined;

  /** `rename`: paths in the core's memory to what the user calls them, in messages. */
  constructor(thread: WorkerThread, rename: (text: string) => string) {
    this.#thread = thread;
    this.#rename = rename;
    thread.onMessage((data) => this.#receive(data as AnswerMessage));
    thread.onEnd((reason, outOfMemory) => this.#lose(outOfMemory ? outOfMemoryError(reason) : crashError(reason)));
    thread.setBusy(false);
  }

  /** The buffers of `give` are gone afterwards. Rejects with the core's failure, or ERR_BACKEND_CRASHED. */
  call<K extends CallName>(
    call: K,
    values: Parameters<CoreCalls[K]>,
    give: readonly ArrayBuffer[] = [],
  ): Promise<ReturnType<CoreCalls[K]>> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) {
        reject(this.#end);
        return;
      }
      const id = ++this.#sent;
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#thread.setBusy(true);
      try {
        this.#thread.post({ id, call, values }, give);
      } catch (cause) {
        this.#settle(id)?.reject(crashError(cause instanceof Error ? cause.message : String(cause)));
      }
    });
  }

  /** Makes a call whose outcome nobody waits for. */
  tell<K extends CallName>(call: K, values: Parameters<CoreCalls[K]>): void {
    this.call(call, values).catch(() => {});
  }

  get isLost(): boolean {
    return this.#end !== undefined;
  }

  /** Ends the worker and gives its memory back at once. Calls under way reject. */
  close(): void {
    this.#lose(new SttError("ERR_DISPOSED", "the engine was disposed", { remedy: "Make a new engine." }));
  }

  #receive(answer: AnswerMessage): void {
    if ("crash" in answer) {
      const error = crashError(this.#rename(answer.crash));
      this.#settle(answer.id)?.reject(error);
      this.#lose(error);
      return;
    }
    if ("value" in answer && answer.state !== undefined) {
      this.memoryBytes = answer.state.memoryBytes;
      this.onState?.(answer.state);
    }
    const pending = this.#settle(answer.id);
    if ("failure" in answer) {
      pending?.reject(statusError(answer.failure.status, this.#rename(answer.failure.message)));
    } else {
      pending?.resolve(answer.value);
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0 && this.#end === undefined) {
      this.#thread.setBusy(false);
    }
    return pending;
  }

  #lose(error: SttError): void {
    if (this.#end !== undefined) {
      return;
    }
    this.#end = error;
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    this.#thread.terminate();
    for (const pending of waiting) {
      pending.reject(error);
    }
  }
}

function crashError(reason: string): SttError {
  return new SttError("ERR_BACKEND_CRASHED", `the WebAssembly core has crashed: ${reason}`, {
    remedy: "Load the model again. If it happens again, please report it with this message.",
  });
}

function outOfMemoryError(reason: string): SttError {
  return new SttError("ERR_OUT_OF_MEMORY", `the WebAssembly core has run out of memory: ${reason}`, {
    remedy: "Use fewer slots or shorter inputs, a smaller model, or a machine with more memory.",
  });
}
