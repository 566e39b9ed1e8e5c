import { CONSTANTS } from "../layout.js";
import { CoreFailure } from "./core-module.js";

/** Objects of the core by number, with what is known of each. */
export class Pointers<T = undefined> {
  readonly #what: string;
  readonly #objects = new Map<number, { readonly pointer: number; readonly extra: T }>();
  #made = 0;

  /** `what`: the kind of object, for messages. */
  constructor(what: string) {
    this.#what = what;
  }

  add(pointer: number, extra: T): number {
    const id = ++this.#made;
    this.#objects.set(id, { pointer, extra });
    return id;
  }

  get(id: number): { readonly pointer: number; readonly extra: T } {
    const object = this.#objects.get(id);
    if (object === undefined) {
      throw new CoreFailure(CONSTANTS.KSTT_STATUS_INTERNAL, `there is no ${this.#what} ${id}`);
    }
    return object;
  }

  /** The pointer, which is the caller's to free. */
  take(id: number): number {
    const { pointer } = this.get(id);
    this.#objects.delete(id);
    return pointer;
  }
}
