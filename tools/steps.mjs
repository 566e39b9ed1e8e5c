/** Runs the external commands of the set-up and check scripts: one line per step, the output kept in a log file. */
import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A failure that has been explained to the user already: print the message, no stack. */
export class StepError extends Error {}

/** Ends the process as a command line tool should: explained failures without a stack trace. */
export function fail(error) {
  process.stderr.write(`${error instanceof StepError ? error.message : (error?.stack ?? error)}\n`);
  process.exit(1);
}

/** The command line that runs npm with the running Node, whatever the platform's wrapper is called. */
export function npmCommand(...args) {
  const script = process.env.npm_execpath;
  return script?.endsWith(".js") ? [process.execPath, script, ...args] : ["npm", ...args];
}

/** The folder of an npm package that this one can use, installed in it or around it; undefined when there is none. */
export function packageFolder(name) {
  for (let folder = root; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

/** The command line of a tool that npm installed, without npx in between (which may ask the network). */
export function binCommand(name, script, ...args) {
  const folder = packageFolder(name);
  if (folder === undefined) throw new StepError(`The npm package ${name} is not installed. Run: npm ci`);
  return [process.execPath, join(folder, script), ...args];
}

/** Runs a command to its end. `echo` passes its output through; `output` is all it printed, `stderr` a part of that. */
export function run(command, { cwd = root, env = process.env, log, echo = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0], command.slice(1), {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      // Windows finds npm only as npm.cmd, which needs a shell.
      shell: process.platform === "win32" && command[0] === "npm",
    });
    const file = log === undefined ? undefined : createWriteStream(log, { flags: "a" });
    const chunks = [];
    const errors = [];
    file?.write(`$ ${command.join(" ")}\n`);
    for (const [stream, target] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ]) {
      stream.on("data", (chunk) => {
        chunks.push(chunk);
        if (stream === child.stderr) errors.push(chunk);
        file?.write(chunk);
        if (echo) target.write(chunk);
      });
    }
    child.on("error", reject);
    child.on("close", (code, signal) => {
      file?.end();
      const [output, stderr] = [chunks, errors].map((list) => Buffer.concat(list).toString());
      resolve({ code: code ?? 1, signal, output, stderr });
    });
  });
}

/**
 * One named step: prints its title and how long it took; on failure the end of its output and the log's place.
 * @param {string} title What is being done, in words.
 * @param {string} name Name of the log file in build/logs.
 * @param {string[]} command
 */
export async function step(title, name, command, options = {}) {
  mkdirSync(join(root, "build", "logs"), { recursive: true });
  const log = join(root, "build", "logs", `${name}.log`);
  rmSync(log, { force: true });
  const started = performance.now();
  process.stderr.write(`- ${title} ... `);
  const result = await run(command, { ...options, log }).catch((error) => ({ code: 1, output: String(error.message) }));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (result.code !== 0) {
    process.stderr.write(`failed after ${seconds} s\n`);
    const tail = result.output.trimEnd().split("\n").slice(-40).join("\n");
    const how = result.signal ? `was ended by ${result.signal}` : `ended with code ${result.code}`;
    throw new StepError(`${tail}\n\n${title}: ${command[0]} ${how}. Whole output: ${relative(root, log)}`);
  }
  process.stderr.write(`${seconds} s\n`);
  return result;
}

export function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}
