/** Made by tools/wasm-layout.mjs from cpp/include; change the headers, not this file. */

/** What a module that was built from the same headers exports. */
export const LAYOUT = "kstt_layout_7e9dd0e561cf";

/** Bytes of each struct, and where its fields are. `ptr` is a size_t or an address. */
export const STRUCTS = {
  kstt_conversion_params: {
    size: 48,
    fields: {
      dtype: { offset: 0, type: "ptr" },
      keep: { offset: 4, type: "ptr" },
      n_keep: { offset: 8, type: "ptr" },
      n_threads: { offset: 12, type: "i32" },
      format: { offset: 16, type: "i32" },
      small_file: { offset: 20, type: "i32" },
      codec_decoder: { offset: 24, type: "i32" },
      compat: { offset: 28, type: "i32" },
      reserved: { offset: 32, type: "i32", length: 1 },
      max_shard_bytes: { offset: 40, type: "i64" },
    },
  },
  kstt_cache_info: {
    size: 40,
    fields: {
      n_rows: { offset: 0, type: "i32" },
      n_layers: { offset: 4, type: "i32" },
      n_kv_heads: { offset: 8, type: "i32" },
      head_dim: { offset: 12, type: "i32" },
      window: { offset: 16, type: "i32" },
      reserved: { offset: 20, type: "i32" },
      n_seen: { offset: 24, type: "i64" },
      n_stored: { offset: 32, type: "i64" },
    },
  },
  kstt_forward_params: {
    size: 120,
    fields: {
      n_rows: { offset: 0, type: "i32" },
      n_positions: { offset: 4, type: "i32" },
      n_streams: { offset: 8, type: "i32" },
      ids: { offset: 12, type: "ptr" },
      embeds: { offset: 16, type: "ptr" },
      positions: { offset: 20, type: "ptr" },
      packed: { offset: 24, type: "i32" },
      mask: { offset: 28, type: "ptr" },
      n_mask: { offset: 32, type: "ptr" },
      bias: { offset: 36, type: "ptr" },
      bias_rows: { offset: 40, type: "i32" },
      bias_heads: { offset: 44, type: "i32" },
      want_logits: { offset: 48, type: "i32" },
      keep: { offset: 52, type: "ptr" },
      n_keep: { offset: 56, type: "i32" },
      labels: { offset: 60, type: "ptr" },
      labels_shifted: { offset: 64, type: "i32" },
      ignore_index: { offset: 68, type: "i32" },
      loss_items: { offset: 72, type: "f64" },
      hidden_states: { offset: 80, type: "i32" },
      attentions: { offset: 84, type: "i32" },
      reserved: { offset: 88, type: "i32", length: 8 },
    },
  },
  kstt_sequence: {
    size: 12,
    fields: {
      ids: { offset: 0, type: "ptr" },
      n_ids: { offset: 4, type: "ptr" },
      bias: { offset: 8, type: "f32" },
    },
  },
  kstt_generation_rules: {
    size: 248,
    fields: {
      n_return: { offset: 0, type: "i32" },
      pause: { offset: 4, type: "i32" },
      record: { offset: 8, type: "i32" },
      hidden_states: { offset: 12, type: "i32" },
      attentions: { offset: 16, type: "i32" },
      pad_id: { offset: 20, type: "i32" },
      biases: { offset: 24, type: "ptr" },
      n_biases: { offset: 28, type: "ptr" },
      repetition_penalty: { offset: 32, type: "f64" },
      no_repeat_ngram: { offset: 40, type: "i32" },
      bad_words: { offset: 44, type: "ptr" },
      n_bad_words: { offset: 48, type: "ptr" },
      eos: { offset: 52, type: "ptr" },
      n_eos: { offset: 56, type: "ptr" },
      min_length: { offset: 64, type: "i64" },
      min_new_tokens: { offset: 72, type: "i64" },
      forced_bos: { offset: 80, type: "i32" },
      forced_eos: { offset: 84, type: "ptr" },
      n_forced_eos: { offset: 88, type: "ptr" },
      remove_invalid: { offset: 92, type: "i32" },
      decay_start: { offset: 96, type: "i64" },
      decay_factor: { offset: 104, type: "f64" },
      suppress: { offset: 112, type: "ptr" },
      n_suppress: { offset: 116, type: "ptr" },
      begin_suppress: { offset: 120, type: "ptr" },
      n_begin_suppress: { offset: 124, type: "ptr" },
      sample: { offset: 128, type: "i32" },
      seed: { offset: 136, type: "i64" },
      temperature: { offset: 144, type: "f64" },
      top_h: { offset: 152, type: "f64" },
      top_k: { offset: 160, type: "i32" },
      top_p: { offset: 168, type: "f64" },
      min_p: { offset: 176, type: "f64" },
      typical_p: { offset: 184, type: "f64" },
      epsilon_cutoff: { offset: 192, type: "f64" },
      eta_cutoff: { offset: 200, type: "f64" },
      renormalize: { offset: 208, type: "i32" },
      reserved: { offset: 212, type: "i32", length: 8 },
    },
  },
  kstt_session_params: {
    size: 136,
    fields: {
      prefix_seconds: { offset: 0, type: "f64" },
      tail_seconds: { offset: 8, type: "f64" },
      priority: { offset: 16, type: "i32" },
      emit_tokens: { offset: 20, type: "i32" },
      emit_vad: { offset: 24, type: "i32" },
      emit_partials: { offset: 28, type: "i32" },
      times: { offset: 32, type: "i32" },
      moshi_delay_steps: { offset: 36, type: "i32" },
      detect_turns: { offset: 40, type: "i32" },
      turn_head: { offset: 44, type: "i32" },
      turn_pause_threshold: { offset: 48, type: "f64" },
      turn_speech_threshold: { offset: 56, type: "f64" },
      turn_smoothing_seconds: { offset: 64, type: "f64" },
      turn_pause_seconds: { offset: 72, type: "f64" },
      refresh: { offset: 80, type: "i32" },
      refresh_pause_steps: { offset: 84, type: "i32" },
      refresh_limit_steps: { offset: 88, type: "i32" },
      refresh_replay_steps: { offset: 92, type: "i32" },
      prompt_tokens: { offset: 96, type: "ptr" },
      n_prompt_tokens: { offset: 100, type: "ptr" },
      prompt_pcm: { offset: 104, type: "ptr" },
      n_prompt_samples: { offset: 108, type: "ptr" },
      prompt_rate: { offset: 112, type: "i32" },
      reserved: { offset: 116, type: "i32" },
      banned_tokens: { offset: 120, type: "ptr" },
      n_banned_tokens: { offset: 124, type: "ptr" },
      allowed_tokens: { offset: 128, type: "ptr" },
      n_allowed_tokens: { offset: 132, type: "ptr" },
    },
  },
  kstt_event: {
    size: 64,
    fields: {
      type: { offset: 0, type: "i32" },
      token: { offset: 4, type: "i32" },
      step: { offset: 8, type: "i64" },
      start: { offset: 16, type: "f64" },
      end: { offset: 24, type: "f64" },
      confidence: { offset: 32, type: "f32" },
      text_size: { offset: 36, type: "u32" },
      text: { offset: 40, type: "ptr" },
      probabilities: { offset: 44, type: "ptr" },
      n_probabilities: { offset: 48, type: "i32" },
      detail: { offset: 52, type: "i32" },
      buffered: { offset: 56, type: "i64" },
    },
  },
  kstt_error: {
    size: 1024,
    fields: {
      status: { offset: 0, type: "i32" },
      message: { offset: 4, type: "i8", length: 1020 },
    },
  },
  kstt_engine_params: {
    size: 32,
    fields: {
      n_threads: { offset: 0, type: "i32" },
      n_slots: { offset: 4, type: "i32" },
      n_codebooks: { offset: 8, type: "i32" },
      compat: { offset: 12, type: "i32" },
      reserved: { offset: 16, type: "i32", length: 4 },
    },
  },
  kstt_engine_info: {
    size: 888,
    fields: {
      sample_rate: { offset: 0, type: "i32" },
      frame_size: { offset: 4, type: "i32" },
      frame_rate: { offset: 8, type: "f64" },
      n_codebooks: { offset: 16, type: "i32" },
      n_quantizers: { offset: 20, type: "i32" },
      codebook_size: { offset: 24, type: "i32" },
      vocab_size: { offset: 28, type: "i32" },
      bos_token_id: { offset: 32, type: "i32" },
      pad_token_id: { offset: 36, type: "i32" },
      hidden_size: { offset: 40, type: "i32" },
      n_layers: { offset: 44, type: "i32" },
      window: { offset: 48, type: "i32" },
      codec_window: { offset: 52, type: "i32" },
      delay_seconds: { offset: 56, type: "f64" },
      prefix_seconds: { offset: 64, type: "f64" },
      n_slots: { offset: 72, type: "i32" },
      n_threads: { offset: 76, type: "i32" },
      weight_bytes: { offset: 80, type: "i64" },
      copied_bytes: { offset: 88, type: "i64" },
      state_bytes: { offset: 96, type: "i64" },
      weight_type: { offset: 104, type: "i8", length: 16 },
      device: { offset: 120, type: "i8", length: 64 },
      kernels: { offset: 184, type: "i8", length: 64 },
      unused_settings: { offset: 248, type: "i8", length: 640 },
    },
  },
  kstt_progress: {
    size: 24,
    fields: {
      done: { offset: 0, type: "i64" },
      total: { offset: 8, type: "i64" },
      finished: { offset: 16, type: "i32" },
      reserved: { offset: 20, type: "i32" },
    },
  },
  kstt_engine_stats: {
    size: 80,
    fields: {
      codec_ns: { offset: 0, type: "i64" },
      codec_frames: { offset: 8, type: "i64" },
      decoder_ns: { offset: 16, type: "i64" },
      decoder_frames: { offset: 24, type: "i64" },
      decoder_steps: { offset: 32, type: "i64" },
      resample_ns: { offset: 40, type: "i64" },
      step_ns: { offset: 48, type: "i64" },
      max_step_ns: { offset: 56, type: "i64" },
      steps: { offset: 64, type: "i64" },
      replay_frames: { offset: 72, type: "i64" },
    },
  },
  kstt_generation_params: {
    size: 32,
    fields: {
      max_new_tokens: { offset: 0, type: "i32" },
      audio_window_size: { offset: 4, type: "i32" },
      reserved: { offset: 8, type: "i32", length: 6 },
    },
  },
} as const;

export const CONSTANTS = {
  KSTT_ABI_VERSION: 4,
  KSTT_CODEC_ENCODER: 0,
  KSTT_CODEC_DECODER: 1,
  KSTT_CODEC_ATTENTION: 1,
  KSTT_CODEC_CONVOLUTIONS: 2,
  KSTT_FORMAT_GGUF: 0,
  KSTT_FORMAT_SAFETENSORS: 1,
  KSTT_FORWARD_LOGITS: 0,
  KSTT_FORWARD_HIDDEN_STATE: 1,
  KSTT_FORWARD_ATTENTION: 2,
  KSTT_STEP_LOGITS: 0,
  KSTT_STEP_SCORES: 1,
  KSTT_STEP_HIDDEN_STATE: 2,
  KSTT_STEP_ATTENTION: 3,
  KSTT_PRIORITY_LIVE: 0,
  KSTT_PRIORITY_FILE: 1,
  KSTT_TIMES_ENGINE: 0,
  KSTT_TIMES_MOSHI_SERVER: 1,
  KSTT_EVENT_WORD: 1,
  KSTT_EVENT_TOKEN: 2,
  KSTT_EVENT_END: 3,
  KSTT_EVENT_PARTIAL: 4,
  KSTT_EVENT_FLUSHED: 5,
  KSTT_EVENT_SPEECH: 6,
  KSTT_EVENT_PAUSE: 7,
  KSTT_EVENT_VAD: 8,
  KSTT_EVENT_REFRESH: 9,
  KSTT_EVENT_WARNING: 10,
  KSTT_EVENT_MOSHI_WORD: 11,
  KSTT_EVENT_MOSHI_END_WORD: 12,
  KSTT_REFRESH_PAUSE: 1,
  KSTT_REFRESH_LIMIT: 2,
  KSTT_REFRESH_STALL: 3,
  KSTT_SOURCE_HEADS: 1,
  KSTT_SOURCE_TOKENS: 2,
  KSTT_WARNING_PROMPT_CUT: 1,
  KSTT_TOKENIZER_JSON: 0,
  KSTT_TOKENIZER_SENTENCEPIECE: 1,
  KSTT_STATUS_OK: 0,
  KSTT_STATUS_INVALID_ARGUMENT: 1,
  KSTT_STATUS_INVALID_STATE: 2,
  KSTT_STATUS_BUSY: 3,
  KSTT_STATUS_FILE_NOT_FOUND: 4,
  KSTT_STATUS_FILE_ACCESS: 5,
  KSTT_STATUS_MODEL_FORMAT: 6,
  KSTT_STATUS_MODEL_UNSUPPORTED: 7,
  KSTT_STATUS_INVALID_AUDIO: 8,
  KSTT_STATUS_OUT_OF_MEMORY: 9,
  KSTT_STATUS_DEVICE_UNAVAILABLE: 10,
  KSTT_STATUS_NO_SLOT: 11,
  KSTT_STATUS_INTERNAL: 12,
  KSTT_STATUS_INVALID_SNAPSHOT: 13,
  KSTT_STATUS_DISK_FULL: 14,
  KSTT_CODEC_WINDOW_STREAMING: 0,
  KSTT_CODEC_WINDOW_UNIFORM: 1,
  KSTT_COMPAT_FILES: 0,
  KSTT_COMPAT_TRANSFORMERS: 1,
  KSTT_COMPAT_TRAINED: 2,
} as const;

/** The functions of the module. Addresses and sizes from 2^31 on come back negative. */
export interface KsttFunctions {
  _malloc(size: number): number;
  _free(address: number): void;
  _kstt_codec_stream_create(engine: number, half: number, n_rows: number, out: number, err: number): number;
  _kstt_codec_stream_restart(stream: number, caches: number, err: number): number;
  _kstt_codec_stream_n_columns(stream: number): bigint;
  _kstt_codec_stream_free(stream: number): void;
  _kstt_encoding_create_piece(
    stream: number,
    input_values: number,
    n_rows: number,
    n_samples: number,
    out: number,
    err: number,
  ): number;
  _kstt_decoding_create(
    engine: number,
    codes: number,
    n_rows: number,
    n_codes: number,
    n_frames: number,
    stream: number,
    out: number,
    err: number,
  ): number;
  _kstt_decoding_advance(decoding: number, max_frames: number, out: number, err: number): number;
  _kstt_decoding_n_samples(decoding: number): bigint;
  _kstt_decoding_audio(decoding: number, audio: number, capacity: number, err: number): number;
  _kstt_decoding_free(decoding: number): void;
  _kstt_conversion_default_params(result: number): void;
  _kstt_conversion_create(source: number, target: number, params: number, out: number, err: number): number;
  _kstt_conversion_advance(conversion: number, max_bytes: bigint, out: number, err: number): number;
  _kstt_conversion_finish(conversion: number, err: number): number;
  _kstt_conversion_report(conversion: number, text: number, capacity: number, size: number, err: number): number;
  _kstt_conversion_free(conversion: number): void;
  _kstt_cache_create(engine: number, n_rows: number, window: number, out: number, err: number): number;
  _kstt_cache_copy(cache: number, out: number, err: number): number;
  _kstt_cache_free(cache: number): void;
  _kstt_cache_get_info(cache: number, out: number, err: number): number;
  _kstt_cache_read(cache: number, layer: number, keys: number, values: number, capacity: number, err: number): number;
  _kstt_cache_import(cache: number, n_positions: bigint, keys: number, values: number, err: number): number;
  _kstt_cache_crop(cache: number, n: bigint, err: number): number;
  _kstt_cache_select(cache: number, rows: number, n: number, err: number): number;
  _kstt_cache_reset(cache: number, err: number): number;
  _kstt_forward_default_params(result: number): void;
  _kstt_forward_create(engine: number, cache: number, params: number, out: number, err: number): number;
  _kstt_forward_advance(forward: number, max_positions: number, out: number, err: number): number;
  _kstt_forward_read(
    forward: number,
    what: number,
    index: number,
    out: number,
    capacity: number,
    size: number,
    err: number,
  ): number;
  _kstt_forward_loss(forward: number, out: number, err: number): number;
  _kstt_forward_free(forward: number): void;
  _kstt_generation_default_rules(result: number): void;
  _kstt_generation_create_with_rules(
    engine: number,
    input_values: number,
    n_rows: number,
    n_samples: number,
    params: number,
    rules: number,
    out: number,
    err: number,
  ): number;
  _kstt_generation_n_rows(generation: number): number;
  _kstt_generation_waiting(generation: number): number;
  _kstt_generation_read(
    generation: number,
    what: number,
    index: number,
    out: number,
    capacity: number,
    size: number,
    err: number,
  ): number;
  _kstt_generation_set_scores(generation: number, scores: number, n: number, err: number): number;
  _kstt_generation_choose(generation: number, tokens: number, capacity: number, err: number): number;
  _kstt_generation_finish_rows(generation: number, rows: number, n: number, err: number): number;
  _kstt_generation_cache(generation: number, out: number, err: number): number;
  _kstt_memory_file_create(path: number, size: number, bytes: number, err: number): number;
  _kstt_memory_file_bytes(path: number, bytes: number, size: number, err: number): number;
  _kstt_memory_file_hand_over(path: number, err: number): number;
  _kstt_memory_file_remove(path: number, err: number): number;
  _kstt_model_describe(
    path: number,
    params: number,
    buffer: number,
    capacity: number,
    needed: number,
    err: number,
  ): number;
  _kstt_session_default_params(result: number): void;
  _kstt_session_create(engine: number, params: number, out: number, err: number): number;
  _kstt_session_push_pcm(session: number, pcm: number, n: number, sample_rate: number, err: number): number;
  _kstt_session_flush(session: number, err: number): number;
  _kstt_session_end(session: number, err: number): number;
  _kstt_session_reset(session: number, err: number): number;
  _kstt_session_n_ready(session: number): bigint;
  _kstt_session_poll(session: number, out: number): number;
  _kstt_session_free(session: number): void;
  _kstt_session_snapshot(session: number, bytes: number, n: number, err: number): number;
  _kstt_session_restore(engine: number, bytes: number, n: number, out: number, err: number): number;
  _kstt_engine_step(engine: number, max_steps: number, n_stepped: number, err: number): number;
  _kstt_tokenizer_create(path: number, out: number, err: number): number;
  _kstt_tokenizer_create_from_memory(
    kind: number,
    bytes: number,
    n_bytes: number,
    name: number,
    out: number,
    err: number,
  ): number;
  _kstt_tokenizer_encode(
    tokenizer: number,
    text: number,
    n_bytes: number,
    ids: number,
    capacity: number,
    n_ids: number,
    err: number,
  ): number;
  _kstt_tokenizer_decode(
    tokenizer: number,
    ids: number,
    n_ids: number,
    skip_special: number,
    text: number,
    capacity: number,
    size: number,
    err: number,
  ): number;
  _kstt_tokenizer_piece(tokenizer: number, id: number, size: number): number;
  _kstt_tokenizer_is_special(tokenizer: number, id: number): number;
  _kstt_tokenizer_vocab_size(tokenizer: number): number;
  _kstt_tokenizer_kind(tokenizer: number): number;
  _kstt_tokenizer_file_name(tokenizer: number): number;
  _kstt_tokenizer_file_bytes(tokenizer: number, n_bytes: number): number;
  _kstt_tokenizer_to_json(tokenizer: number, text: number, capacity: number, size: number, err: number): number;
  _kstt_tokenizer_free(tokenizer: number): void;
  _kstt_abi_version(): number;
  _kstt_init(kernel_dir: number, err: number): number;
  _kstt_status_name(status: number): number;
  _kstt_engine_default_params(result: number): void;
  _kstt_engine_create(path: number, params: number, out: number, err: number): number;
  _kstt_engine_free(engine: number): void;
  _kstt_engine_get_info(engine: number, out: number, err: number): number;
  _kstt_engine_prefault(engine: number, max_bytes: bigint, out: number, err: number): number;
  _kstt_engine_get_stats(engine: number, out: number, err: number): number;
  _kstt_engine_reset_stats(engine: number, err: number): number;
  _kstt_generation_default_params(result: number): void;
  _kstt_generation_create(
    engine: number,
    input_values: number,
    n_rows: number,
    n_samples: number,
    params: number,
    out: number,
    err: number,
  ): number;
  _kstt_generation_advance(generation: number, max_frames: number, out: number, err: number): number;
  _kstt_generation_n_tokens(generation: number): number;
  _kstt_generation_tokens(generation: number, tokens: number, capacity: number, err: number): number;
  _kstt_generation_free(generation: number): void;
  _kstt_encoding_create(
    engine: number,
    input_values: number,
    n_rows: number,
    n_samples: number,
    out: number,
    err: number,
  ): number;
  _kstt_encoding_advance(encoding: number, max_frames: number, out: number, err: number): number;
  _kstt_encoding_n_frames(encoding: number): number;
  _kstt_encoding_codes(encoding: number, codes: number, capacity: number, err: number): number;
  _kstt_encoding_free(encoding: number): void;
  _kstt_resampler_create(rate_in: number, rate_out: number, out: number, err: number): number;
  _kstt_resampler_push(resampler: number, pcm: number, n: number, pcm_out: number, n_out: number, err: number): number;
  _kstt_resampler_flush(resampler: number, pcm_out: number, n_out: number, err: number): number;
  _kstt_resampler_free(resampler: number): void;
}
