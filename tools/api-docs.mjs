#!/usr/bin/env node
/**
 * The API reference out of the docstrings: HTML in build/docs, made by typedoc.
 *
 * Usage: node tools/api-docs.mjs [--check]   --check: writes nothing; fails where a public symbol has no docstring
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Application, Logger, LogLevel } from "typedoc";
import { fail, root, StepError } from "./steps.mjs";

const ENTRIES = ["ts/index.node.ts", "ts/index.browser.ts"];

/** Members of a type written out inside another one: the docstring of that says what they are. */
const INLINE_MEMBER = /\.__type\./;

const OPTIONS = {
  entryPoints: ENTRIES.map((entry) => join(root, entry)).filter(existsSync),
  tsconfig: join(root, "tsconfig.build.json"),
  name: "kyutai-stt",
  readme: "none",
  excludeInternal: true,
  excludePrivate: true,
  // Nothing of this machine, or of where the repository lies, belongs into the pages.
  disableGit: true,
  disableSources: true,
  validation: { notExported: false, invalidLink: true, notDocumented: true },
  requiredToBeDocumented: ["Class", "Interface", "TypeAlias", "Function", "Variable", "Method", "Property", "Accessor"],
};

class FindingLogger extends Logger {
  findings = [];

  log(message, level) {
    if (level >= LogLevel.Warn && !INLINE_MEMBER.test(message)) this.findings.push(message);
  }
}

async function main(args) {
  const app = await Application.bootstrap(OPTIONS);
  const logger = new FindingLogger();
  app.logger = logger;
  const project = await app.convert();
  if (project !== undefined) app.validate(project);
  if (logger.findings.length > 0 || project === undefined) {
    throw new StepError(`API reference:\n${logger.findings.join("\n")}`);
  }
  if (!args.includes("--check")) {
    const out = join(root, "build", "docs");
    await app.generateDocs(project, out);
    process.stdout.write(`API reference: ${join(out, "index.html")}\n`);
  }
}

main(process.argv.slice(2)).catch(fail);
