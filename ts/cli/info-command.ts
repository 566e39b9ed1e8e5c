import { listBackends } from "../index.node.js";
import { type CliIo, write } from "./io.js";

export async function info(version: string, io: CliIo): Promise<number> {
  const lines = [
    `kyutai-stt ${version}`,
    `node ${process.version} on ${process.platform}-${process.arch}`,
    "backends:",
  ];
  for (const { kind, ok, reason } of await listBackends()) {
    lines.push(`  ${kind}: ${ok ? "works" : `not usable: ${reason}`}`);
  }
  await write(io.stdout, `${lines.join("\n")}\n`);
  return 0;
}
