#!/usr/bin/env python3
"""Measures Atelier against llama-server of the same tree in paired rounds; scripts/bench.sh calls it.

In every round each side answers the same requests, one side after the other, in an order that alternates; the next round
has new prompts. A ratio is the median of the rounds' ratios: the machine's own speed drifts, and only what ran side by
side can be compared. Results go to results/ as JSON and Markdown.
"""
import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import load, machine, report, text
from harness.servers import Atelier, Model, Peer, Server, Setting
from harness.workload import Side, Workload
from workloads import ALL

HERE = pathlib.Path(__file__).resolve().parent


class Bench:
    def __init__(self, arguments, folder: pathlib.Path):
        self.arguments, self.folder = arguments, folder
        self.models = {
            "smollm2": Model(arguments.model or arguments.smollm2, 8192, () if arguments.model else (0, 2, 3, 4, 5)),
            "gemma": Model(arguments.gemma, 32768, (1, 106)),
            "minilm": Model(arguments.minilm, 512),
        }
        self.servers: dict[tuple, Server] = {}
        self.model: Model | None = None

    # Servers

    def server(self, side: Side, model: Model) -> Server:
        setting = Setting(model, side.slots, side.cells, side.flags, side.environment)
        key = (side.name, setting)
        if key not in self.servers:
            # One server for each side: what the workload before needed otherwise is stopped first.
            for old in [other for other in self.servers if other[0] == side.name]:
                self.servers.pop(old).stop()
            made = Atelier(setting, self.folder, self.arguments.atelier) if side.kind == "atelier" else Peer(setting, self.folder, self.arguments.peer)
            self.servers[key] = made
            made.start()
            made.rest()
        return self.servers[key]

    def stop(self):
        for server in self.servers.values():
            with contextlib.suppress(Exception):
                server.stop()
        self.servers.clear()

    # The engine alone

    def tool(self, name: str, *flags) -> list[dict]:
        done = subprocess.run([self.arguments.peer / name, "-m", self.model.path, "-t", str(os.cpu_count()), "-fa", "on", *map(str, flags)],
                              capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr[-400:]}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def generation(self, tokens: int) -> float:
        return self.tool("llama-bench", "-p", 0, "-n", tokens, "-r", 3, "-o", "jsonl")[0]["avg_ts"]

    def prompt(self, tokens: int) -> float:
        return self.tool("llama-bench", "-p", tokens, "-n", 0, "-r", 3, "-o", "jsonl")[0]["avg_ts"]

    def batched(self, sequences: int, prompt: int, generated: int) -> float:
        cells = sequences * (prompt + generated)
        return self.tool("llama-batched-bench", "-c", cells, "-npp", prompt, "-ntg", generated, "-npl", sequences,
                         "-kvu", "--output-format", "jsonl")[0]["speed_tg"]

    # Rounds

    def run(self, workload: Workload) -> dict:
        model = self.model = self.models[workload.model]
        sides = [side for side in workload.sides() if side.kind == "atelier" or self.arguments.peer]
        if self.arguments.subject == "peer":
            [pattern, *_] = [side for side in sides if side.kind == "peer"]
            sides = [dataclasses.replace(pattern, name=side.name) if side.kind == "atelier" else side for side in sides]
        rounds = []
        # Peers of other workloads are stopped: they would hold memory for nothing.
        for key in [key for key in self.servers if key[0] not in {side.name for side in sides}]:
            self.servers.pop(key).stop()
        for number in range(self.arguments.rounds):
            order = sides if number % 2 == 0 else sides[::-1]
            # Servers start before anything of the round is measured.
            running = {side.name: self.server(side, model) for side in order if side.kind != "ceiling"}
            result = {}
            with foreign_load() if workload.foreign_load else contextlib.nullcontext():
                for side in order:
                    if side.kind == "ceiling":
                        result[side.name] = {"figures": workload.ceiling(self)}
                    else:
                        result[side.name] = self.measure(workload, running[side.name], number, [s for n, s in running.items() if n != side.name])
            rounds.append(result)
            report.progress(workload, number, result)
        # Names only: results are kept with the project, and paths say nothing about a measurement.
        settings = {side.name: {"command": [pathlib.Path(word).name if word.startswith("/") else word for word in running[side.name].command],
                                "environment": dict(side.environment)}
                    for side in sides if side.name in running}
        return {"name": workload.name, "title": workload.title, "rounds": rounds, "settings": settings,
                "comparisons": report.compare(workload, rounds)}

    def measure(self, workload: Workload, server: Server, number: int, others: list[Server]) -> dict:
        server.wake()
        try:
            self.warm(workload, server, number)
            rng = random.Random(f"{workload.name} {self.arguments.seed} {number}")
            chains = workload.chains(rng, server.model, server.setting.model)
            before, before_others = machine.processor_seconds(server.process.pid), [machine.processor_seconds(o.process.pid) for o in others]
            answers, client = load.run(server.port, chains, workload.concurrency, workload.deadline)
            used = machine.processor_seconds(server.process.pid) - before
            idle = sum(machine.processor_seconds(o.process.pid) for o in others) - sum(before_others)
        finally:
            server.rest()
        failures = [f"{a.id}: {a.failure}" for a in answers if not a.ok]
        expected = sum(len(chain["requests"]) for chain in chains)
        figures = workload.figures(answers) if answers and len(failures) < len(answers) else {}
        if len(answers) < expected:
            failures.append(f"{expected - len(answers)} requests had no end")
        return {"figures": figures, "failures": failures, "server_processor_seconds": round(used, 2),
                "idle_processor_seconds": round(idle, 2), "client_processor_seconds": round(client["processor_seconds"], 4),
                "events": client["events"]}

    def warm(self, workload: Workload, server: Server, number: int):
        """One small request, so that memory is mapped and threads exist."""
        rng = random.Random(f"warm {workload.name} {number}")
        if workload.model == "minilm":
            request = {"id": "warm", "path": "/v1/embeddings", "body": json.dumps({"model": server.model, "input": text.sentence(rng, 8)})}
        else:
            request = load.chat("warm", server.model, text.sentence(rng, 8), max_tokens=8)
        load.run(server.port, [{"start": 0, "requests": [request]}], deadline=60)


@contextlib.contextmanager
def foreign_load():
    """A process that never waits, in a session of its own with the weight that the benchmark's session has, as the
    kernel shares the cores out by session."""
    weight = pathlib.Path("/proc/self/autogroup").read_text().split()[-1] if os.path.exists("/proc/self/autogroup") else "0"
    command = f"[ {weight} = 0 ] || echo {weight} > /proc/self/autogroup; exec python3 -c 'while True: pass'"
    busy = subprocess.Popen(["bash", "-c", command], start_new_session=True)
    try:
        yield
    finally:
        busy.send_signal(signal.SIGKILL)
        busy.wait()


def main():
    names = [workload.name for workload in ALL]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    path = lambda value: pathlib.Path(value).resolve()
    parser.add_argument("--workload", default="", help="names or beginnings of names, separated by commas: " + " ".join(names))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--subject", choices=["atelier", "peer"], default="atelier", help="peer: measure llama-server against itself, which shows the noise")
    parser.add_argument("--peer", type=path, help="folder of llama-server, llama-bench and llama-batched-bench; without it Atelier is measured alone")
    parser.add_argument("--atelier", type=path, help="folder of atelier and atelier-worker")
    parser.add_argument("--smollm2", type=path)
    parser.add_argument("--gemma", type=path)
    parser.add_argument("--minilm", type=path)
    parser.add_argument("--model", type=path, help="a language model that takes SmolLM2's place")
    parser.add_argument("--results", type=path, default=HERE / "results")
    parser.add_argument("--list", action="store_true", help="print the models that the chosen workloads need, and end")
    arguments = parser.parse_args()
    wanted = [word for word in arguments.workload.split(",") if word]
    chosen = [w for w in ALL if not wanted or w.name in wanted or any(w.name.startswith(word) and word not in names for word in wanted)]
    if not chosen:
        parser.error(f"no workload is called {arguments.workload}; there are: {' '.join(names)}")
    if arguments.list:
        print(" ".join(sorted({workload.model for workload in chosen})))
        return

    described = machine.describe(HERE.parent)
    started = datetime.datetime.now(datetime.timezone.utc)
    name = f"{started:%Y-%m-%dT%H%M}-{machine.slug(described)}"
    with tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder:
        bench = Bench(arguments, pathlib.Path(folder))
        results = {"date": started.isoformat(timespec="seconds"), "machine": described, "rounds": arguments.rounds,
                   "seed": arguments.seed, "subject": arguments.subject, "workloads": []}
        failed = []
        try:
            for workload in chosen:
                try:
                    results["workloads"].append(bench.run(workload))
                except (RuntimeError, OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
                    failed.append(workload.name)
                    results["workloads"].append({"name": workload.name, "title": workload.title, "error": str(error)})
                    print(f"{workload.name}: {error}", file=sys.stderr)
                report.write(results, arguments.results / name)
                print(report.section(results["workloads"][-1]), flush=True)
        finally:
            bench.stop()
    print(f"kept as {arguments.results / name}.json and .md")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
