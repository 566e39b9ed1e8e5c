/** Where the token goes, and what a malicious repository or server gets done. */
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { findHubModel } from "../../../ts/hub/hub-model.node.js";
import { expectCode } from "../../contract/subject.js";
import { FAST, json, MODEL, modelFiles, noise, tree, useHub } from "./hub-fixture.js";
import { answerStatus, COMMIT, HubServer } from "./hub-server.js";

const fixture = useHub();

function find(id = MODEL, options: Parameters<typeof findHubModel>[1] = {}) {
  return findHubModel(id, options, FAST);
}

function tokens(server: string): Set<string | undefined> {
  return new Set(fixture.hub.seen.filter((seen) => seen.server === server).map(({ headers }) => headers.authorization));
}

describe("the token", () => {
  it("goes to the Hub and not to the server that has the files", async () => {
    await find(MODEL, { token: "hf_secret" });
    expect(tokens("hub")).toEqual(new Set(["Bearer hf_secret"]));
    expect(tokens("cdn")).toEqual(new Set([undefined]));
    expect(fixture.hub.requests("GET").length).toBeGreaterThan(0);
  });

  it("does not follow a redirect of the listing, nor come back with it", async () => {
    const other = await HubServer.start();
    try {
      other.repositories.set(MODEL, { commit: COMMIT, files: modelFiles() });
      fixture.hub.hubFault = (_request, response, path) =>
        answerStatus(response, 307, { location: `${other.endpoint}${path}` });
      await find(MODEL, { token: "hf_secret" });
      expect(tokens("hub")).toEqual(new Set(["Bearer hf_secret"]));
      expect(other.seen.length).toBeGreaterThan(3);
      expect(other.seen.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
    } finally {
      await other.stop();
    }
  });

  it("follows a redirect on the Hub itself, as for a renamed model", async () => {
    fixture.hub.hubFault = (_request, response, path) =>
      path.includes("tests/old") ? answerStatus(response, 307, { location: path.replace("tests/old", MODEL) }) : false;
    expect((await find("tests/old", { token: "hf_secret" })).source.commit).toBe(COMMIT);
    expect(tokens("hub")).toEqual(new Set(["Bearer hf_secret"]));
  });

  it("comes from the option, else HF_TOKEN, else the file of `hf auth login`, else from nowhere", async () => {
    const home = process.env["HF_HOME"] ?? "";
    await mkdir(home, { recursive: true });
    await writeFile(join(home, "token"), "hf_file\n");
    vi.stubEnv("HF_TOKEN", "hf_variable");
    const sent = async (options?: Parameters<typeof findHubModel>[1]): Promise<string | undefined> => {
      fixture.hub.seen.length = 0;
      await find(MODEL, options);
      return fixture.hub.seen[0]?.headers.authorization;
    };
    expect(await sent({ token: "hf_option" })).toBe("Bearer hf_option");
    expect(await sent()).toBe("Bearer hf_variable");
    expect(await sent({ token: false })).toBe(undefined);
    vi.stubEnv("HF_TOKEN", "");
    expect(await sent()).toBe("Bearer hf_file");
    vi.stubEnv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
    expect(await sent()).toBe(undefined);
    expect(await sent({ token: "hf_option" })).toBe("Bearer hf_option");
  });

  it("is in no error", async () => {
    fixture.hub.hubFault = (_request, response) => answerStatus(response, 401);
    const error = await find(MODEL, { token: "hf_secret" }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ERR_HUB_ACCESS", remedy: expect.stringContaining("token is valid") });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("hf_secret");
  });
});

describe("paths that lead out of a repository", () => {
  const evil = ["../x", "../../../../x", "/etc/x", "a/../../x", "C:\\x", "..\\x", "a//x", "./x", "x\0", "x\n"];

  it.each(evil)("%j as a shard", async (path) => {
    const files = {
      "config.json": json({ model_type: "kyutai_speech_to_text" }),
      "tokenizer.json": noise(100),
      "model.safetensors.index.json": json({ weight_map: { a: path } }),
      [path]: noise(100),
    };
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files });
    const attempt = find();
    await expectCode(attempt, "ERR_DOWNLOAD");
    await expect(attempt).rejects.toThrow(JSON.stringify(path));
    await expectInside();
  });

  it.each(evil)("%j as the codec or the tokenizer", async (path) => {
    for (const key of ["mimi_name", "tokenizer_name", "moshi_name"]) {
      const config = { moshi_name: "m", mimi_name: "m", tokenizer_name: "m", [key]: path };
      const files = { "config.json": json(config), m: noise(100), [path]: noise(100) };
      fixture.hub.repositories.set(MODEL, { commit: COMMIT, files });
      await expectCode(find(), "ERR_DOWNLOAD");
    }
    await expectInside();
  });

  it("in a reference to another repository", async () => {
    for (const path of ["hf://tests/other/../../x", "hf://../other/x", "hf://tests/other/a/../../x"]) {
      const config = { mimi_name: path, tokenizer_name: "m" };
      fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: { "config.json": json(config), m: noise(100) } });
      const error = await find().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: expect.stringMatching(/ERR_DOWNLOAD|ERR_INVALID_ARGUMENT/) });
    }
    await expectInside();
  });

  async function expectInside(): Promise<void> {
    const home = process.env["HF_HOME"] ?? "";
    const paths = await tree(join(home, ".."));
    expect(paths.filter((path) => !path.startsWith(join("home", "hub", "models--tests--model")))).toEqual([]);
    await expect(stat(join(home, "..", "x"))).rejects.toThrow("ENOENT");
  }
});
