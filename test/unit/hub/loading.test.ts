/** Models of the Hub through the public classes and the command line. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import type { Progress } from "../../../ts/api/options.js";
import { SpeechToText } from "../../../ts/api/speech-to-text.js";
import { run } from "../../../ts/cli/program.js";
import { KyutaiSpeechToTextForConditionalGeneration } from "../../../ts/model/kyutai-speech-to-text-for-conditional-generation.js";
import { KyutaiSpeechToTextProcessor } from "../../../ts/model/kyutai-speech-to-text-processor.js";
import type { ProgressInfo } from "../../../ts/model/pretrained-options.js";
import { expectCode } from "../../contract/subject.js";
import { useFakeBackend } from "../support/fake-backend.js";
import { DIGITS_EN, fixturePath } from "../support/fixture.js";
import { MODEL, modelFiles, NEEDED, tree, useHub } from "./hub-fixture.js";
import { COMMIT, OTHER_COMMIT } from "./hub-server.js";

const fixture = useHub();

/** The embedded model, on the Hub. */
async function publish(id: string, commit = COMMIT): Promise<void> {
  const names = (await readdir(DIGITS_EN)).filter((name) => /\.(json|safetensors)$/.test(name));
  const files = await Promise.all(
    names.map(async (name) => [name, new Uint8Array(await readFile(join(DIGITS_EN, name)))]),
  );
  fixture.hub.repositories.set(id, { commit, refs: { v1: commit }, files: Object.fromEntries(files) });
}

class Collector extends Writable {
  text = "";
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString("utf8");
    done();
  }
}

async function cli(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new Collector(), new Collector()];
  const stdin = (async function* (): AsyncGenerator<Uint8Array> {})();
  const code = await run(argv, { stdin, stdout, stderr, signal: new AbortController().signal });
  return { code, out: stdout.text, err: stderr.text };
}

describe("SpeechToText.load", () => {
  it("takes an id, reports the download and says what it took", async () => {
    useFakeBackend();
    await publish("kyutai/stt-1b-en_fr-candle", OTHER_COMMIT);
    const seen: Progress[] = [];
    await using stt = await SpeechToText.load("kyutai/stt-1b-en_fr", { onProgress: (progress) => seen.push(progress) });
    expect(stt.source).toEqual({
      kind: "hub",
      id: "kyutai/stt-1b-en_fr",
      repository: "kyutai/stt-1b-en_fr-candle",
      revision: "main",
      commit: OTHER_COMMIT,
      reason: expect.stringContaining("pauses"),
      path: join(fixture.cache, "models--kyutai--stt-1b-en_fr-candle/snapshots", OTHER_COMMIT),
    });
    expect(stt.model).toBe(stt.source.path);
    const downloads = seen.filter(({ stage }) => stage === "download");
    expect(downloads.length).toBeGreaterThan(5);
    expect(downloads.at(-1)).toMatchObject({
      done: downloads[0]?.total,
      download: { repository: stt.source.kind === "hub" && stt.source.repository },
    });
    expect(seen.slice(downloads.length).every(({ stage }) => stage === "load")).toBe(true);
  });

  it("passes its options on", async () => {
    useFakeBackend();
    await publish(MODEL);
    const cacheDir = `${fixture.cache}2`;
    await using stt = await SpeechToText.load(MODEL, { cacheDir, revision: "v1", token: "hf_secret" });
    expect(stt.source).toMatchObject({ revision: "v1" });
    expect(stt.model.startsWith(cacheDir)).toBe(true);
    expect(fixture.hub.seen[0]?.headers.authorization).toBe("Bearer hf_secret");
    await expectCode(SpeechToText.load(MODEL, { localFilesOnly: true }), "ERR_HUB_OFFLINE");
    await using again = await SpeechToText.load(MODEL, { cacheDir, revision: "v1", localFilesOnly: true });
    expect(again.model).toBe(stt.model);
  });

  it("is aborted while it downloads, and goes on there the next time", async () => {
    useFakeBackend();
    await publish(MODEL);
    const controller = new AbortController();
    fixture.hub.delay = 5;
    const { signal } = controller;
    const onProgress = ({ stage, done, total = 0 }: Progress): void => {
      if (stage === "download" && done > total / 2) {
        controller.abort(new Error("enough"));
      }
    };
    const attempt = SpeechToText.load(MODEL, { signal, onProgress });
    await expectCode(attempt, "ERR_ABORTED");
    await expect(attempt).rejects.toMatchObject({ name: "AbortError", cause: controller.signal.reason });
    const sent = fixture.hub.cdnBytes;
    expect((await tree(fixture.cache)).filter((path) => path.endsWith(".incomplete")).length).toBe(1);
    expect(await tree(join(fixture.cache, ".locks"))).toEqual([]);
    fixture.hub.delay = 0;
    await using stt = await SpeechToText.load(MODEL);
    expect(stt.source.kind).toBe("hub");
    const weights = fixture.hub.repositories.get(MODEL)?.files["model.safetensors"]?.length ?? 0;
    expect(fixture.hub.cdnBytes - sent).toBeLessThan(weights * 0.75);
  });
});

describe("from_pretrained", () => {
  it("of the processor leaves the weights where they are; the model fetches them", async () => {
    useFakeBackend();
    await publish(MODEL);
    const small: ProgressInfo[] = [];
    const processor = await KyutaiSpeechToTextProcessor.from_pretrained(MODEL, {
      progress_callback: (info) => small.push(info),
    });
    expect(processor.decode([261])).toBe("one");
    const folder = join(fixture.cache, "models--tests--model/snapshots", COMMIT);
    expect(await readdir(folder)).not.toContain("model.safetensors");
    expect(small.filter(({ status }) => status === "done").length).toBe((await readdir(folder)).length);
    const seen: ProgressInfo[] = [];
    const model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(MODEL, {
      revision: "v1",
      progress_callback: (info) => seen.push(info),
    });
    expect(model.source).toMatchObject({ kind: "hub", repository: MODEL, revision: "v1", commit: COMMIT });
    expect(await readdir(folder)).toContain("model.safetensors");
    const ofWeights = seen.filter((info) => "file" in info && info.file === "model.safetensors");
    expect(ofWeights.map(({ status }) => status)).toEqual(
      expect.arrayContaining(["initiate", "download", "progress", "done"]),
    );
    expect(seen.find(({ status }) => status === "progress_total")).toMatchObject({
      name: MODEL,
      rate: expect.any(Number),
    });
    expect(seen.at(-1)).toEqual({ status: "ready", name: MODEL, progress: 100, loaded: 1000, total: 1000 });
    await model.dispose();
  });

  it("finds offline what the processor and the model had fetched", async () => {
    useFakeBackend();
    await publish(MODEL);
    await KyutaiSpeechToTextProcessor.from_pretrained(MODEL);
    const offline = { local_files_only: true };
    await expectCode(KyutaiSpeechToTextForConditionalGeneration.from_pretrained(MODEL, offline), "ERR_HUB_OFFLINE");
    await KyutaiSpeechToTextProcessor.from_pretrained(MODEL, offline);
    const model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(MODEL);
    await model.dispose();
    // A new commit of which only the small files came must not hide the complete one.
    await publish(MODEL, OTHER_COMMIT);
    await KyutaiSpeechToTextProcessor.from_pretrained(MODEL);
    const again = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(MODEL, offline);
    expect(again.source).toMatchObject({ commit: COMMIT });
    await again.dispose();
  });

  it.each([
    [{ revision: "" }, "'revision'"],
    [{ cache_dir: 3 }, "'cache_dir'"],
    [{ local_files_only: 1 }, "'local_files_only'"],
    [{ token: true }, "'token'"],
    [{ progress_callback: "yes" }, "'progress_callback'"],
    [{ signal: "now" }, "'signal'"],
    [{ revison: "main" }, "'revison'"],
  ])("refuses the options %o", async (options, words) => {
    for (const load of [KyutaiSpeechToTextProcessor, KyutaiSpeechToTextForConditionalGeneration]) {
      const attempt = load.from_pretrained(MODEL, options as object);
      await expectCode(attempt, "ERR_INVALID_ARGUMENT");
      await expect(attempt).rejects.toThrow(words);
    }
    expect(fixture.hub.seen).toEqual([]);
  });
});

describe("kyutai-stt", () => {
  it("download prints where the model is", async () => {
    const { code, out, err } = await cli("download", MODEL);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect((await readdir(out.trimEnd())).sort()).toEqual(NEEDED);
    const asJson = await cli("download", MODEL, "--json", "--revision", COMMIT);
    expect(JSON.parse(asJson.out)).toEqual({
      kind: "hub",
      id: MODEL,
      repository: MODEL,
      revision: COMMIT,
      commit: COMMIT,
      path: out.trimEnd(),
    });
    const elsewhere = await cli("download", MODEL, "--cache", `${fixture.cache}2`);
    expect(elsewhere.out.startsWith(`${fixture.cache}2`)).toBe(true);
  });

  it("convert and info take the cache that --cache names", async () => {
    useFakeBackend();
    const cache = `${fixture.cache}2`;
    const path = (await cli("download", MODEL, "--cache", cache)).out.trimEnd();
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    const target = join(fixture.cache, "..", "out.gguf");
    expect(await cli("convert", MODEL, target)).toMatchObject({
      code: 1,
      err: expect.stringContaining("[ERR_HUB_OFFLINE]"),
    });
    expect(await cli("convert", MODEL, target, "--cache", cache)).toMatchObject({ code: 0 });
    expect(await cli("info", MODEL)).toMatchObject({ code: 1, err: expect.stringContaining("[ERR_HUB_OFFLINE]") });
    // The core is asked about the folder there; this fake knows nothing of it.
    expect(await cli("info", MODEL, "--cache", cache)).toMatchObject({
      code: 1,
      err: expect.stringContaining(`${path}: no description in this fake`),
    });
    expect(await cli("convert", MODEL, target, "--cache", "")).toMatchObject({ code: 1 });
  });

  it("download and transcribe say which repository an id stands for", async () => {
    useFakeBackend();
    await publish("kyutai/stt-1b-en_fr-candle");
    const line = /^kyutai\/stt-1b-en_fr: kyutai\/stt-1b-en_fr-candle is used \(.+\)\n$/;
    expect(await cli("download", "kyutai/stt-1b-en_fr")).toMatchObject({ code: 0, err: expect.stringMatching(line) });
    const audio = fixturePath("audio/u8.wav");
    const { out, err } = await cli("transcribe", audio, "--model", "kyutai/stt-1b-en_fr", "--format", "json");
    expect(err).toMatch(line);
    expect(JSON.parse(out).model).toMatchObject({
      kind: "hub",
      repository: "kyutai/stt-1b-en_fr-candle",
      commit: COMMIT,
    });
    const tokens = await cli("generate", audio, "--model", "kyutai/stt-1b-en_fr");
    expect(tokens).toMatchObject({ code: 0, err: expect.stringMatching(line) });
  });

  it("download reports failures", async () => {
    expect(await cli("download", "tests/none")).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining("[ERR_HUB_NOT_FOUND]"),
    });
    expect(await cli("download", "none")).toMatchObject({
      code: 1,
      err: expect.stringContaining("[ERR_INVALID_ARGUMENT]"),
    });
    expect(await cli("download")).toMatchObject({ code: 2 });
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect(await cli("download", MODEL)).toMatchObject({ code: 1, err: expect.stringContaining("[ERR_HUB_OFFLINE]") });
  });

  it("cache lists and removes", async () => {
    expect(await cli("cache", "ls")).toEqual({ code: 0, out: "", err: "" });
    await cli("download", MODEL);
    fixture.hub.repositories.set("tests/other", { commit: OTHER_COMMIT, files: modelFiles() });
    await cli("download", "tests/other");
    const { out } = await cli("cache", "ls");
    expect(out).toMatch(/^tests\/model +main +a{12} +0\.0 MB +\S+\ntests\/other +main +b{12} +0\.0 MB +\S+\n$/);
    expect((await cli("cache", "ls", "tests/other")).out).not.toContain("tests/model");
    const listed = JSON.parse((await cli("cache", "ls", "tests/other", "--json")).out);
    expect(listed).toMatchObject([
      {
        repository: "tests/other",
        incomplete: 0,
        revisions: [{ commit: OTHER_COMMIT, revisions: ["main"], files: NEEDED }],
      },
    ]);
    expect(await cli("cache", "rm", "tests/model")).toEqual({ code: 0, out: "0.0 MB freed\n", err: "" });
    expect((await cli("cache", "ls")).out).not.toContain("tests/model");
    expect(await cli("cache", "rm", "tests/model")).toMatchObject({
      code: 1,
      err: expect.stringContaining("[ERR_HUB_NOT_FOUND]"),
    });
    expect(await cli("cache", "rm")).toMatchObject({ code: 2 });
    expect(JSON.parse((await cli("cache", "rm", `tests/other@main`, "--json")).out)).toEqual({
      removed: "tests/other@main",
      freed: expect.any(Number),
    });
    expect(await cli("cache", "ls")).toEqual({ code: 0, out: "", err: "" });
  });

  it("download draws a bar with rate and time on a terminal, unless the environment forbids it", async () => {
    const draw = async (): Promise<string> => {
      const screen = { isTTY: true, columns: 120, cursorTo() {}, clearLine() {}, moveCursor() {} };
      const stderr = Object.assign(new Collector(), screen);
      const stdin = (async function* (): AsyncGenerator<Uint8Array> {})();
      const { signal } = new AbortController();
      expect(await run(["download", MODEL], { stdin, stdout: new Collector(), stderr, signal })).toBe(0);
      return stderr.text;
    };
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(new Uint8Array(4 << 20)) });
    fixture.hub.delay = 30;
    expect(await draw()).toMatch(/downloading .*MB of 4 MB \d+\.\d MB\/s, 0:\d\d left/);
    await cli("cache", "rm", MODEL);
    vi.stubEnv("HF_HUB_DISABLE_PROGRESS_BARS", "1");
    expect(await draw()).toBe("");
  });
});
