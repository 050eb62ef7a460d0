"""What the figures were taken on."""
import os
import pathlib
import platform
import re
import subprocess


def describe(repository: pathlib.Path) -> dict:
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    git = lambda *words: subprocess.run(["git", "-C", repository, *words], capture_output=True, text=True).stdout.strip()
    return {
        "cpu": cpu[1].strip() if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory[1]) / 2 ** 20, 1) if memory else None,
        "kernel": platform.release(),
        "commit": git("rev-parse", "--short=12", "HEAD") + ("+changes" if git("status", "--porcelain", "Sources", "Benchmarks/bench.py", "Benchmarks/harness", "Benchmarks/workloads") else ""),
        "autogroup": (pathlib.Path("/proc/self/autogroup").read_text().strip() if os.path.exists("/proc/self/autogroup") else None),
        "load_before": os.getloadavg()[0],
    }


def slug(machine: dict) -> str:
    return re.sub(r"[^a-z0-9]+", "-", machine["cpu"].lower()).strip("-") + f"-{machine['cores']}c"


def processor_seconds(pid: int) -> float:
    """User and system time of a process and its direct children."""
    total, tick = 0, os.sysconf("SC_CLK_TCK")
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(entry.name) == pid or int(fields[1]) == pid:
                total += int(fields[11]) + int(fields[12])
    return total / tick
