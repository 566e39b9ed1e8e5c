/** The optional package @mediabunny/server, played by a decoder that gives a constant. */
import { AudioSample, CustomAudioDecoder, type EncodedPacket, registerDecoder } from "mediabunny";
import { afterEach, expect, test, vi } from "vitest";
import { readAudio } from "../../../ts/audio/read-all.js";
import { fixturePath } from "./fixtures.js";

const FRAME = 1024;
const path = process.env["PATH"];

class ConstantDecoder extends CustomAudioDecoder {
  static override supports(codec: string): boolean {
    return codec === "aac";
  }

  init(): void {}

  decode(packet: EncodedPacket): void {
    const { numberOfChannels, sampleRate } = this.config;
    const data = new Float32Array(FRAME * numberOfChannels).fill(0.25);
    this.onSample(new AudioSample({ data, format: "f32", numberOfChannels, sampleRate, timestamp: packet.timestamp }));
  }

  flush(): void {}

  close(): void {}
}

vi.mock("@mediabunny/server", () => ({ registerMediabunnyServer: () => registerDecoder(ConstantDecoder) }));

afterEach(() => {
  process.env["PATH"] = path;
});

test("without ffmpeg it decodes AAC, every time with a note", async () => {
  process.env["PATH"] = "/nowhere";
  for (let round = 0; round < 2; round++) {
    const notes: string[] = [];
    const { samples, rate } = await readAudio(fixturePath("aac-44k-stereo.m4a"), {
      onNote: ({ code, message }) => notes.push(code, message),
    });
    expect({ rate, length: samples.length }).toEqual({ rate: 44_100, length: 44_100 });
    expect(samples.every((sample) => sample === 0.25)).toBe(true);
    expect(notes[0]).toBe("external-decoder");
    expect(notes[1]).toContain("@mediabunny/server");
  }
});
