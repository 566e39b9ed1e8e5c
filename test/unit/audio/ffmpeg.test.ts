/** The way through the system's ffmpeg, with and without one. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { decodeAudio } from "../../../ts/audio/decode.js";
import { readAudio } from "../../../ts/audio/read-all.js";
import { fixtureBytes, fixturePath } from "./fixtures.js";
import { wavBytes } from "./wav-bytes.js";

const path = process.env["PATH"];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kyutai-stt-test-"));
});

afterEach(async () => {
  process.env["PATH"] = path;
  await rm(folder, { recursive: true, force: true });
});

describe("without ffmpeg", () => {
  test.each(["aac-44k-stereo.m4a", "aac-16k.aac", "adpcm.wav", "s16-8k.aiff"])("%s", async (name) => {
    process.env["PATH"] = folder;
    for (const source of [fixturePath(name), fixtureBytes(name)]) {
      await expect(readAudio(source)).rejects.toMatchObject({
        code: "ERR_UNSUPPORTED_AUDIO",
        message: expect.stringContaining("ffmpeg"),
        remedy: expect.stringContaining("Install ffmpeg"),
      });
    }
  });
});

/** Stands in for ffmpeg, so that these tests run on any machine with a POSIX shell. */
async function fakeFfmpeg(script: string): Promise<void> {
  await writeFile(join(folder, "ffmpeg"), `#!/bin/sh\n[ "$2" = -version ] && exit 0\n${script}\n`, { mode: 0o755 });
  process.env["PATH"] = `${folder}${delimiter}${path}`;
}

describe("a program called ffmpeg", () => {
  test("its wav stream is used: all channels, their mean", async () => {
    await writeFile(
      join(folder, "out.wav"),
      wavBytes(
        [
          [0.5, 0.25],
          [-0.5, 0.25],
        ],
        { bits: 16, rate: 11_025 },
      ),
    );
    await fakeFfmpeg(`cat "${folder}/out.wav"`);
    const notes: string[] = [];
    const audio = await readAudio(fixturePath("s16-8k.aiff"), { onNote: ({ code }) => notes.push(code) });
    expect({ ...audio, samples: [...audio.samples] }).toEqual({ samples: [0, 0.25], rate: 11_025 });
    expect(notes).toEqual(["external-decoder"]);
  });

  test("complaints with samples are a note, without samples an error", async () => {
    await writeFile(join(folder, "out.wav"), wavBytes([[0.5]], {}));
    await fakeFfmpeg(`cat "${folder}/out.wav"; echo "bad frame" >&2`);
    const notes: string[] = [];
    await readAudio(fixturePath("s16-8k.aiff"), { onNote: ({ message }) => notes.push(message) });
    expect(notes.join()).toContain("bad frame");
    await fakeFfmpeg(`echo "no such stream" >&2; exit 1`);
    await expect(readAudio(fixturePath("s16-8k.aiff"))).rejects.toMatchObject({
      code: "ERR_INVALID_AUDIO",
      message: expect.stringContaining("no such stream"),
    });
  });

  test("bytes go through a temporary file that is removed, also after an abort", async () => {
    process.env["TMPDIR"] = folder;
    try {
      await fakeFfmpeg(`for a; do case "$a" in file:*) cp "\${a#file:}" "${folder}/seen";; esac; done; exec sleep 60`);
      const controller = new AbortController();
      const reading = (async () => {
        for await (const _ of decodeAudio(fixtureBytes("s16-8k.aiff"), { signal: controller.signal })) {
          // nothing comes
        }
      })();
      reading.catch(() => undefined);
      await expect.poll(() => readdir(folder), { timeout: 10_000 }).toContain("seen");
      controller.abort();
      await expect(reading).rejects.toMatchObject({ code: "ERR_ABORTED" });
      expect((await readdir(folder)).sort()).toEqual(["ffmpeg", "seen"]);
    } finally {
      delete process.env["TMPDIR"];
    }
  });
});
