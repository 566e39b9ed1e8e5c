/** Hands the microphone's samples to the page, some tens of milliseconds at a time. */
const CHUNK = 1920;

class PcmTap extends AudioWorkletProcessor {
  #chunk = new Float32Array(CHUNK);
  #filled = 0;

  process([input]) {
    const [samples] = input;
    if (samples === undefined) {
      return true;
    }
    for (const sample of samples) {
      this.#chunk[this.#filled++] = sample;
      if (this.#filled === CHUNK) {
        this.port.postMessage(this.#chunk, [this.#chunk.buffer]);
        this.#chunk = new Float32Array(CHUNK);
        this.#filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("pcm-tap", PcmTap);
