import { describe, expect, it } from "vitest";
import type { Progress } from "../../../ts/api/options.js";
import { SpeechToText } from "../../../ts/api/speech-to-text.js";
import { expectCode } from "../../contract/subject.js";
import { useFakeBackend } from "../support/fake-backend.js";
import { DIGITS_EN, fixturePath } from "../support/fixture.js";

describe("load", () => {
  it("reports progress", async () => {
    useFakeBackend();
    const seen: Progress[] = [];
    await using stt = await SpeechToText.load(undefined, { onProgress: (progress) => seen.push(progress) });
    expect(seen).toEqual([{ stage: "load", done: 1000, total: 1000 }]);
    expect(stt.model).toBe(DIGITS_EN);
    expect(stt.source).toEqual({ kind: "embedded", path: DIGITS_EN });
  });

  it("is aborted before and during, and frees what comes too late", async () => {
    const reason = new Error("enough");
    const backend = useFakeBackend();
    await expect(SpeechToText.load("no/folder", { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      code: "ERR_ABORTED",
      cause: reason,
    });
    const controller = new AbortController();
    let open: () => void = () => {};
    backend.beforeEngine = () => {
      controller.abort(reason);
      return new Promise((resolve) => {
        open = resolve;
      });
    };
    const attempt = SpeechToText.load(DIGITS_EN, { signal: controller.signal });
    await expect(attempt).rejects.toMatchObject({ code: "ERR_ABORTED", cause: reason });
    open();
    await expect.poll(() => backend.engines[0]?.disposed).toBe(true);
  });

  it.each([
    [{ thread: 2 }, "'thread'"],
    [{ threads: 0 }, "'threads' must be an integer from 1 to 256"],
    [{ threads: "2" }, "'threads'"],
    [{ slots: 1.5 }, "'slots'"],
    [{ backend: "gpu" }, "'backend' must be one of"],
    [{ revision: "" }, "'revision'"],
    [{ cacheDir: 5 }, "'cacheDir'"],
    [{ localFilesOnly: "yes" }, "'localFilesOnly'"],
    [{ token: true }, "'token'"],
    [{ signal: {} }, "'signal'"],
    [{ onProgress: 1 }, "'onProgress'"],
    ["cpu", "options must be an object"],
  ])("refuses the options %o", async (options, words) => {
    useFakeBackend();
    const attempt = SpeechToText.load(DIGITS_EN, options as object);
    await expectCode(attempt, "ERR_INVALID_ARGUMENT");
    await expect(attempt).rejects.toThrow(words);
  });

  it("refuses models that are not there, before asking a backend", async () => {
    const backend = useFakeBackend();
    await expectCode(SpeechToText.load("no/such/folder"), "ERR_FILE_NOT_FOUND");
    await expectCode(SpeechToText.load(fixturePath("audio/u8.wav")), "ERR_INVALID_ARGUMENT");
    await expectCode(SpeechToText.load({ threads: 2 } as unknown as string), "ERR_INVALID_ARGUMENT");
    await expectCode(
      SpeechToText.load("kyutai/stt-2.6b-en", { localFilesOnly: true, cacheDir: "none" }),
      "ERR_HUB_OFFLINE",
    );
    expect(backend.engines).toEqual([]);
  });
});

describe("dispose", () => {
  it("ends what runs, waits for it, and refuses further calls", async () => {
    const backend = useFakeBackend();
    const stt = await SpeechToText.load(DIGITS_EN);
    backend.engine.maxSteps = 1;
    const running = expectCode(stt.transcribe({ samples: new Float32Array(480_000), rate: 8000 }), "ERR_DISPOSED");
    const waiting = expectCode(stt.transcribe({ samples: new Float32Array(480_000), rate: 8000 }), "ERR_DISPOSED");
    await Promise.all([stt.dispose(), stt.dispose(), running, waiting]);
    expect(backend.engine).toMatchObject({ disposed: true });
    expect(backend.engine.sessions.size).toBe(0);
    await expectCode(stt.transcribe({ samples: new Float32Array(8000), rate: 8000 }), "ERR_DISPOSED");
    expect(stt.disposed).toBe(true);
  });
});
