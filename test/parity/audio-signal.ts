/** The test signal of the parity fixtures; twin of tools/oracle/audio_signal.py. Integers only. */

/** Samples. */
const SEGMENT = 2400;

/** 16-bit samples. */
function audioSignalInt16(seed: number, samples: number): Int16Array {
  let state = seed >>> 0;
  const draw = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 16;
  };
  const signal = new Int16Array(samples);
  let amplitude = 0;
  let period = 1;
  let toneShare = 0;
  for (let i = 0; i < samples; i++) {
    if (i % SEGMENT === 0) {
      const level = draw() % 8;
      amplitude = level * level * 4;
      period = 24 + (draw() % 360);
      toneShare = draw() % 257;
    }
    const noise = draw() - 32_768;
    const phase = (i % SEGMENT) % period;
    const tone = Math.floor((Math.abs(2 * phase - period) * 65_534) / period) - 32_767;
    signal[i] = ((tone * toneShare + noise * (256 - toneShare)) * amplitude) >> 16;
  }
  return signal;
}

/** Samples in [-1, 1). */
export function audioSignal(seed: number, samples: number): Float32Array {
  return Float32Array.from(audioSignalInt16(seed, samples), (sample) => sample / 32_768);
}
