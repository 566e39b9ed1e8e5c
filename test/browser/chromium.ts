/** Debian's Chromium under Playwright, where it is installed. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** KSTT_CHROMIUM names one elsewhere. undefined: there is none. */
export function chromiumPath(): string | undefined {
  return [process.env["KSTT_CHROMIUM"], ...PATHS].find((path) => path !== undefined && existsSync(path));
}

export const NO_CHROMIUM = "there is no Chromium here (apt-get install chromium, or KSTT_CHROMIUM)";

/** Both are for containers, where tests run as root and with little shared memory. */
export const ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"];

export function launch(args: readonly string[] = []): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) {
    throw new Error(NO_CHROMIUM);
  }
  return chromium.launch({ executablePath, args: [...ARGUMENTS, ...args] });
}
