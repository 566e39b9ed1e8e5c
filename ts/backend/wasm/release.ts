import type { CallName, CoreCalls } from "./core/calls.js";
import type { CoreChannel } from "./core-channel.js";

type FreeCall = Extract<CallName, `free${string}`>;

const forgotten = new FinalizationRegistry<() => void>((free) => free());

/** Calls `free` when `owner` is dropped without dispose(). What `free` holds must not lead back to the owner. */
export function whenForgotten(owner: WeakKey, free: () => void): void {
  forgotten.register(owner, free, owner);
}

/** For dispose(): from now on the owner frees what it has itself. */
export function keepFromForgetting(owner: WeakKey): void {
  forgotten.unregister(owner);
}

/**
 * Frees an object of a worker; with the worker everything in it is gone already. However often it is called, the
 * object is freed once: the collector may take an object and leave its lifecycle, which the engine then disposes of.
 * `then` runs after that, whatever came of it.
 */
export function releaseOf<K extends FreeCall>(
  owner: WeakKey,
  channel: CoreChannel,
  call: K,
  id: number,
  then: () => void = () => {},
): () => Promise<void> {
  let freed: Promise<void> | undefined;
  const free = async (): Promise<void> => {
    try {
      await channel.call(call, [id] as Parameters<CoreCalls[K]>);
    } catch (error) {
      if (!channel.isLost) {
        throw error;
      }
    } finally {
      then();
    }
  };
  const release = (): Promise<void> => {
    freed ??= free();
    return freed;
  };
  whenForgotten(owner, () => {
    release().catch(() => {});
  });
  return release;
}
