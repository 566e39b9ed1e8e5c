/** Objects that can be called, as transformers.js has them: `await processor(audio)` runs `processor._call(audio)`. */
export interface CallableObject<Args extends unknown[], Result> {
  (...args: Args): Result;
  _call(...args: Args): Result;
}

interface CallableConstructor {
  new <Args extends unknown[], Result>(): CallableObject<Args, Result>;
}

/** Base class; a subclass implements `_call`. Fields of subclasses land on the function that `new` returns. */
export const Callable = class {
  constructor() {
    const call = (...args: unknown[]): unknown =>
      (call as unknown as CallableObject<unknown[], unknown>)._call(...args);
    // biome-ignore lint/correctness/noConstructorReturn: this is what makes instances callable
    return Object.setPrototypeOf(call, new.target.prototype);
  }
} as unknown as CallableConstructor;
