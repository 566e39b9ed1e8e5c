#!/usr/bin/env node
import { run } from "./program.js";

const controller = new AbortController();
// Once: a second Ctrl-C ends the process at once.
process.once("SIGINT", () => controller.abort(new Error("interrupted")));
// A reader that went away is reported by the write that fails; without a listener it would end the process.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

const { stdin, stdout, stderr } = process;
// exit() and not exitCode: a standard input that is still open would keep the process alive.
process.exit(await run(process.argv.slice(2), { stdin, stdout, stderr, signal: controller.signal }));
