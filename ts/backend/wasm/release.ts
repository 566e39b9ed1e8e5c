import type { CallName, CoreCalls } from "./core/calls.js";
import type { CoreChannel } from "./core-channel.js";

type FreeCall = Extract<CallName, `free${string}`>;

/** Frees an object of a worker; with the worker everything in it is gone already. */
export function releaseOf<K extends FreeCall>(channel: CoreChannel, call: K, id: number): () => Promise<void> {
  return async () => {
    try {
      await channel.call(call, [id] as Parameters<CoreCalls[K]>);
    } catch (error) {
      if (!channel.isLost) {
        throw error;
      }
    }
  };
}

/** Frees objects that were dropped without dispose(). The channel must not lead back to them. */
export const forgotten = new FinalizationRegistry<() => void>((free) => free());
