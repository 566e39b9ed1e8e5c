"""Commands of tools/gpu-check with a common limit of time, and what came of them."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field


@dataclass
class Stage:
    name: str
    status: str  # "ok", "failed", "skipped"
    seconds: float = 0.0
    detail: str = ""
    lines: list = field(default_factory=list)  # JSON lines the command printed


class Stages:
    def __init__(self, limit_seconds: float, log_path: str, folder: str):
        self.folder = folder  # where the commands run
        self.end = time.monotonic() + limit_seconds
        self.done: list[Stage] = []
        os.makedirs(os.path.dirname(log_path), exist_ok=True)
        self.log = open(log_path, "w", encoding="utf-8")

    def left(self) -> float:
        return self.end - time.monotonic()

    def skip(self, name: str, why: str) -> Stage:
        self.done.append(Stage(name, "skipped", 0.0, why))
        print(f"- {name}: skipped, {why}", flush=True)
        return self.done[-1]

    def finish(self, command: list, seconds: float, environment: dict) -> tuple[str, int]:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=self.folder,
            env={**os.environ, **environment},
            process_group=0,
        )
        try:
            return process.communicate(timeout=seconds)[0], process.returncode
        except BaseException as reason:
            # With what it started: a test under compute-sanitizer would go on using the GPU while the next are timed.
            os.killpg(process.pid, signal.SIGKILL)
            output = process.communicate()[0]
            if not isinstance(reason, subprocess.TimeoutExpired):
                raise
            return output + "\nstopped: out of time\n", -1

    def run(self, name: str, command: list, at_most: float, needs: float = 5.0, **environment) -> Stage:
        """Runs a command for at most so many seconds; skipped where less than `needs` are left."""
        if self.left() < needs:
            return self.skip(name, f"{self.left():.0f} s are left, it needs {needs:.0f}")
        print(f"- {name} ... ", end="", flush=True)
        begun = time.monotonic()
        self.log.write(f"\n=== {name}: {' '.join(command)}\n")
        self.log.flush()
        try:
            output, code = self.finish(command, min(at_most, self.left()), environment)
        except OSError as error:
            output, code = str(error), -1
        self.log.write(output)
        self.log.flush()
        status = "ok" if code == 0 else "failed"
        last = [line for line in output.strip().split("\n") if line][-3:]
        stage = Stage(name, status, time.monotonic() - begun, "" if code == 0 else " | ".join(last), json_lines(output))
        self.done.append(stage)
        print(f"{status} ({stage.seconds:.1f} s)", flush=True)
        if code != 0:
            print(f"    {stage.detail}", file=sys.stderr, flush=True)
        return stage


def json_lines(output: str) -> list:
    lines = []
    for line in output.split("\n"):
        if line.startswith("{"):
            try:
                lines.append(json.loads(line))
            except ValueError:
                pass  # a line of a program that ended in the middle of it
    return lines
