import { SttError } from "../index.node.js";

/** An error as the command line prints it: what failed, with its code; the cause; the remedy. */
export function errorText(error: unknown, subject?: string): string {
  const prefix = subject === undefined ? "" : `${subject}: `;
  if (!(error instanceof SttError)) {
    return `error: ${prefix}${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
  }
  const message = error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message;
  const lines = [`error: ${prefix}${message} [${error.code}]`];
  if (error.cause instanceof Error && !error.message.includes(error.cause.message)) {
    lines.push(`  cause: ${error.cause.message}`);
  }
  if (error.remedy !== undefined) {
    lines.push(`  remedy: ${error.remedy}`);
  }
  return `${lines.join("\n")}\n`;
}
