/** The measurements of bench/run.mjs. Every function returns the fields of its lines; units are in the names. */

/** Reproducible noise with slow swells, mono: the speed does not depend on what is said. */
function makeAudio(seconds, rate) {
  const samples = new Float32Array(Math.round(seconds * rate));
  let state = 1;
  for (let i = 0; i < samples.length; i++) {
    // Numerical Recipes' linear congruential generator.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    samples[i] = (state / 2 ** 31 - 1) * 0.3 * Math.abs(Math.sin((i / rate) * 2));
  }
  return samples;
}

/** Value below which a share of the sorted values lies (nearest rank). */
function percentile(sorted, share) {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

function round(value) {
  return Number(value.toPrecision(4));
}

/** real_time_factor: computing time over audio time, so below 1 is faster than the audio. */
function rates(frames, milliseconds, frameRate) {
  return {
    frames,
    frames_per_s: round((frames / milliseconds) * 1000),
    real_time_factor: round(milliseconds / 1000 / (frames / frameRate)),
  };
}

/** Milliseconds of each step to a distribution. The first steps are left out: they build graphs and warm caches. */
function distribution(times) {
  const sorted = times.slice(Math.min(10, times.length >> 1)).sort((a, b) => a - b);
  return {
    ms_p50: round(percentile(sorted, 0.5)),
    ms_p95: round(percentile(sorted, 0.95)),
    ms_max: round(sorted.at(-1) ?? 0),
  };
}

export async function measureResampler(backend, info, seconds) {
  const rate = 44100;
  const resampler = await backend.createResampler(rate, info.sampleRate);
  const audio = makeAudio(Math.min(seconds, 30), rate);
  const started = performance.now();
  for (let at = 0; at < audio.length; at += rate) await resampler.push(audio.subarray(at, at + rate));
  await resampler.flush();
  const milliseconds = performance.now() - started;
  await resampler.dispose();
  return {
    rate_in: rate,
    rate_out: info.sampleRate,
    real_time_factor: round(milliseconds / 1000 / (audio.length / rate)),
  };
}

/** Live use: one frame arrives, one step is computed. The deadline of a step is one frame, 1000 / frameRate ms. */
export async function measureStreaming(engine, seconds, params) {
  const { info } = engine;
  const audio = makeAudio(seconds, info.sampleRate);
  const session = await engine.createSession(params);
  const steps = { codec: [], decoder: [], total: [] };
  engine.resetStats();
  let before = engine.stats();
  for (let at = 0; at < audio.length; at += info.frameSize) {
    const started = performance.now();
    let ready = await session.pushPcm(audio.subarray(at, at + info.frameSize), info.sampleRate);
    while (ready > 0) {
      const stepStarted = steps.total.length === 0 ? started : performance.now();
      await engine.step(1);
      steps.total.push(performance.now() - stepStarted);
      const stats = engine.stats();
      steps.codec.push((stats.codecNs - before.codecNs) / 1e6);
      steps.decoder.push((stats.decoderNs - before.decoderNs) / 1e6);
      before = stats;
      ready = session.ready;
    }
    session.poll();
  }
  await session.dispose();
  return Object.entries(steps).map(([stage, times]) => {
    const milliseconds = times.reduce((sum, time) => sum + time, 0);
    const fields = { ...rates(times.length, milliseconds, info.frameRate), ...distribution(times) };
    // A step of one frame reads every weight once.
    const weights = { weight_gb_per_s: round((info.weightBytes * times.length) / milliseconds / 1e6) };
    return [`streaming-${stage}`, stage === "total" ? { ...fields, ...weights } : fields];
  });
}

/** A recording: everything is there, the engine takes as many frames at once as it likes. */
export async function measureFile(engine, seconds, params) {
  const { info } = engine;
  const session = await engine.createSession(params);
  engine.resetStats();
  const started = performance.now();
  await session.pushPcm(makeAudio(seconds, info.sampleRate), info.sampleRate);
  await session.end();
  let frames = 0;
  for (let done = -1; done !== 0; frames += done) {
    done = await engine.step(64);
    session.poll();
  }
  const milliseconds = performance.now() - started;
  const stats = engine.stats();
  await session.dispose();
  return stages("file", info, stats, { frames, milliseconds });
}

/** transformers' generate(): the whole input is encoded, then decoded. */
export async function measureGeneration(engine, seconds) {
  const { info } = engine;
  const audio = makeAudio(seconds, info.sampleRate);
  engine.resetStats();
  const started = performance.now();
  const generation = await engine.createGeneration(audio, 1, audio.length, { maxNewTokens: -1, audioWindowSize: 0 });
  while (!(await generation.advance(64)).finished);
  const milliseconds = performance.now() - started;
  const stats = engine.stats();
  const frames = Math.floor(audio.length / info.frameSize);
  await generation.dispose();
  return stages("generate", info, stats, { frames, milliseconds });
}

function stages(mode, info, stats, { frames, milliseconds }) {
  return [
    [`${mode}-codec`, rates(stats.codecFrames, stats.codecNs / 1e6, info.frameRate)],
    [`${mode}-decoder`, rates(stats.decoderFrames, stats.decoderNs / 1e6, info.frameRate)],
    [`${mode}-total`, rates(frames, milliseconds, info.frameRate)],
  ];
}
