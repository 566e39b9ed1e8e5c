// Inside the loader: the memory, for views that are still right after it has grown.
Module["wasmMemory"] = wasmMemory;
