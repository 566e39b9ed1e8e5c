/** A vitest reporter that says at the end which tests did not run, and why. */
export default class SkipReporter {
  #lines = [];

  onTestCaseResult(testCase) {
    const result = testCase.result();
    if (result.state === "skipped") {
      this.#lines.push(`  ${testCase.fullName}: ${result.note ?? "no reason given"}`);
    }
  }

  onTestRunEnd() {
    if (this.#lines.length > 0) process.stdout.write(`\nNot run:\n${this.#lines.join("\n")}\n`);
  }
}
