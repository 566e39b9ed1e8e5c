// Emscripten 3.1.6 asks fetch for a path of the disk where there is a fetch.
globalThis.fetch = undefined;
