/** Says in words what a machine lacks to build this package, and how to get it. */
import { execFileSync } from "node:child_process";
import { StepError } from "./steps.mjs";

const CMAKE_MINIMUM = [3, 21];

/** Output of `command --version`, or undefined when the command is not there. */
export function versionOf(command) {
  try {
    return execFileSync(command, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return undefined;
  }
}

/** First name that is on this machine. */
export function firstOf(...commands) {
  return commands.find((command) => versionOf(command) !== undefined);
}

const remedies = {
  linux: "On Debian or Ubuntu: apt-get install cmake g++ git make",
  darwin: "On macOS: xcode-select --install, and brew install cmake",
  win32: "On Windows: install Visual Studio Build Tools (C++), CMake and Git",
};

/** Throws one StepError that lists everything that is missing. */
export function checkPrerequisites() {
  const missing = [];
  const node = process.versions.node;
  if (Number(node.split(".")[0]) < 20) missing.push(`Node 20 or newer (this is ${node}); see nodejs.org`);
  const cmake = versionOf("cmake")?.match(/version (\d+)\.(\d+)/);
  if (cmake === undefined || cmake === null) {
    missing.push(`cmake ${CMAKE_MINIMUM.join(".")} or newer`);
  } else {
    const [major, minor] = [Number(cmake[1]), Number(cmake[2])];
    if (major < CMAKE_MINIMUM[0] || (major === CMAKE_MINIMUM[0] && minor < CMAKE_MINIMUM[1])) {
      missing.push(`cmake ${CMAKE_MINIMUM.join(".")} or newer (this is ${major}.${minor})`);
    }
  }
  // On Windows cmake finds Visual Studio by itself; it is not on the path.
  if (process.platform !== "win32" && firstOf(process.env.CXX ?? "c++", "g++", "clang++") === undefined) {
    missing.push("a C++17 compiler (g++ or clang++)");
  }
  if (process.platform !== "win32" && firstOf("ninja", "make") === undefined) missing.push("ninja or make");
  if (versionOf("git") === undefined) missing.push("git (to unpack ggml's source)");
  if (missing.length > 0) {
    const remedy = remedies[process.platform] ?? "Install them with your system's package manager";
    throw new StepError(
      ["This machine lacks what the build needs:", ...missing.map((item) => `  - ${item}`), remedy].join("\n"),
    );
  }
}
