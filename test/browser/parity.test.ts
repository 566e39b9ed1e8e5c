/** The numbers of all parity fixtures in Chromium, with threads and without. */
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Browser, Page } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agreement, firstDifference, type NestedIds, type ParityCase } from "../parity/expected.js";
import { readFixtures } from "../parity/fixture.js";
import { nodePlatform } from "../parity/node-platform.js";
import { audioOf } from "../parity/tokens-suite.js";
import tolerances from "../parity/tolerances.json" with { type: "json" };
import { launch } from "./chromium.js";
import { buildLab, NOTHING_TO_RUN, openLab, ROOT, type Stt, serveLab } from "./lab.js";
import type { StaticServer } from "./static-server.js";

declare const stt: Stt;

interface Question {
  readonly folder: string;
  readonly threads: number;
  readonly cases: readonly {
    /** URLs of 32-bit floats, one per row. */
    readonly audio: readonly string[];
    readonly max_new_tokens: number | undefined;
    readonly audio_window_size: number | undefined;
  }[];
}

type Answer = readonly { readonly codes: NestedIds; readonly tokens: NestedIds }[];

/** Runs in the page. */
async function compute({ folder, threads, cases }: Question): Promise<Answer> {
  const processor = await stt.KyutaiSpeechToTextProcessor.from_pretrained(folder);
  const model = await stt.KyutaiSpeechToTextForConditionalGeneration.from_pretrained(folder, { threads });
  const numbers = (tensor: { tolist(): unknown }): NestedIds =>
    JSON.parse(JSON.stringify(tensor.tolist(), (_, value) => (typeof value === "bigint" ? Number(value) : value)));
  const results: { codes: NestedIds; tokens: NestedIds }[] = [];
  for (const { audio, max_new_tokens, audio_window_size } of cases) {
    const load = async (url: string) => new Float32Array(await (await fetch(url)).arrayBuffer());
    const inputs = await processor(await Promise.all(audio.map(load)), { sampling_rate: 24_000 });
    const { audio_codes } = await model.codec_model.encode(inputs["input_values"] as never);
    const tokens = await model.generate({ ...inputs, max_new_tokens, audio_window_size } as never);
    results.push({ codes: numbers(audio_codes), tokens: numbers(tokens as never) });
  }
  await model.dispose();
  return results;
}

/** The rows of a case as files on the page's server; their URLs. */
async function writeAudio(fixture: string, { name, rows }: ParityCase): Promise<string[]> {
  const folder = join(ROOT, "build", "lab", "audio");
  await mkdir(folder, { recursive: true });
  return Promise.all(
    rows.map(async (row, index) => {
      const file = `${fixture}-${name}-${index}.f32`;
      await writeFile(join(folder, file), new Uint8Array((await audioOf(row, nodePlatform)).buffer));
      return `/build/lab/audio/${file}`;
    }),
  );
}

let browser: Browser | undefined;
beforeAll(async () => {
  if (NOTHING_TO_RUN === undefined) {
    await buildLab();
    browser = await launch();
  }
}, 60_000);
afterAll(() => browser?.close());

if (NOTHING_TO_RUN !== undefined) {
  // Vitest has no projects page and page-isolated then (vitest.config.ts).
  test("parity in a browser, and all of test/page", (context) => context.skip(NOTHING_TO_RUN));
}

describe.skipIf(NOTHING_TO_RUN !== undefined).each([
  ["isolated, two threads", true, 2],
  ["not isolated, one thread", false, 1],
] as const)("%s", (_, isolated, threads) => {
  let server: StaticServer;
  let page: Page;
  beforeAll(async () => {
    server = await serveLab(isolated);
    page = (await browser?.newPage()) as Page;
    await openLab(page, server);
    expect(await page.evaluate("crossOriginIsolated")).toBe(isolated);
  });
  afterAll(async () => {
    await page?.close();
    await server?.close();
  });

  test.each(readFixtures())("$name: codes and tokens", async (fixture) => {
    const { cases, dtype } = fixture.manifest;
    const audio = await Promise.all(cases.map((one) => writeAudio(fixture.name, one)));
    const question: Question = {
      folder: `/${relative(ROOT, fixture.checkpoint)}/`,
      threads,
      cases: cases.map((one, index) => ({
        audio: audio[index] ?? [],
        max_new_tokens: one.max_new_tokens ?? undefined,
        audio_window_size: one.audio_window_size ?? undefined,
      })),
    };
    const results = await page.evaluate(compute, question);
    for (const [index, { name, audio_window_size }] of cases.entries()) {
      const { codes, tokens } = results[index] as Answer[number];
      if (audio_window_size === null) {
        expect(firstDifference(codes, fixture.ids(`${name}.codes`) as NestedIds), name).toBeUndefined();
      }
      const expected = fixture.ids(`${name}.tokens`) as number[][];
      if (dtype === "f32") {
        expect(firstDifference(tokens, expected), name).toBeUndefined();
      } else {
        const share = agreement(tokens as number[][], expected);
        expect(share, name).toBeGreaterThanOrEqual(tolerances[dtype].forced_agreement);
      }
    }
  });
});
