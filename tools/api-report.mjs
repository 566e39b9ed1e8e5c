#!/usr/bin/env node
/**
 * The public surface of the package as text: docs/api/<entry>.api.md, one per entry of package.json, made by
 * api-extractor from the compiled declarations. A change of it is a change that users see, so it is reviewed.
 *
 * Usage: node tools/api-report.mjs [--update]   without --update: fails where a report is not what dist says
 */
import { existsSync, mkdirSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { fail, readJson, root, StepError } from "./steps.mjs";

const REPORTS = join(root, "docs", "api");
const UPDATE = "npm run api-report";

/** Declaration files that package.json names, wherever in its conditions. */
function entryDeclarations(node) {
  if (typeof node === "string") return node.endsWith(".d.ts") ? [node] : [];
  return [...new Set(Object.values(node).flatMap(entryDeclarations))];
}

function extractorConfig(declaration) {
  const none = { logLevel: ExtractorLogLevel.None };
  return ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, "package.json"),
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(root, declaration),
      newlineKind: "lf",
      compiler: { tsconfigFilePath: join(root, "tsconfig.build.json") },
      apiReport: {
        enabled: true,
        reportFileName: `${basename(declaration, ".d.ts")}.api.md`,
        reportFolder: REPORTS,
        reportTempFolder: join(root, "build", "api-report"),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.Error },
          "ae-missing-release-tag": none,
          "ae-undocumented": none,
          // Types that only other types refer to: users reach them through those.
          "ae-forgotten-export": none,
        },
        // The docstrings are for typedoc, which reads more of Markdown than TSDoc does.
        tsdocMessageReporting: { default: none },
      },
    },
  });
}

/** @returns {string[]} What is wrong with the report of one entry. */
function report(declaration, isUpdate) {
  const config = extractorConfig(declaration);
  const problems = [];
  const { apiReportChanged } = Extractor.invoke(config, {
    localBuild: isUpdate,
    messageCallback: (message) => {
      message.handled = true;
      const isReport = message.messageId.startsWith("console-api-report");
      if (!isReport && message.logLevel === ExtractorLogLevel.Error) problems.push(message.text);
    },
  });
  if (apiReportChanged && !isUpdate) {
    const path = relative(root, config.reportFilePath);
    problems.push(
      `${path} is not what the package declares. If the change is meant, run ${UPDATE}, and commit the file with it.`,
    );
  }
  return problems;
}

function main(args) {
  const declarations = entryDeclarations(readJson(join(root, "package.json")).exports);
  const missing = declarations.find((path) => !existsSync(join(root, path)));
  if (missing !== undefined) throw new StepError(`${missing} is not there. Run: npm run build`);
  mkdirSync(REPORTS, { recursive: true });
  mkdirSync(join(root, "build", "api-report"), { recursive: true });
  const problems = declarations.flatMap((path) => report(path, args.includes("--update")));
  if (problems.length > 0) throw new StepError(problems.join("\n"));
  process.stdout.write(`API reports: ${declarations.length} in order\n`);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  fail(error);
}
