"""Ratios of paired rounds, and the tables that show them."""
import json
import math
import pathlib
import statistics
import sys

from .workload import Workload


def median(values: list[float]) -> float | None:
    known = [value for value in values if value is not None and not math.isnan(value)]
    return statistics.median(known) if known else None


def compare(workload: Workload, rounds: list[dict]) -> dict:
    """Medians of every figure and side, and what became of every goal."""
    sides = list(dict.fromkeys(name for result in rounds for name in result))
    figures = list(dict.fromkeys(figure for result in rounds for side in result.values() for figure in side["figures"]))
    value = lambda result, side, figure: result.get(side, {}).get("figures", {}).get(figure)
    medians = {figure: {side: median([value(result, side, figure) for result in rounds]) for side in sides} for figure in figures}
    ratios = {}
    for figure in figures:
        for side in sides:
            if side != "atelier":
                ratios.setdefault(figure, {})[side] = median([ratio(value(r, "atelier", figure), value(r, side, figure)) for r in rounds])
    # A figure of answers that partly failed reaches nothing.
    whole = not any(result.get("atelier", {}).get("failures") for result in rounds)
    goals = []
    for goal in workload.goals:
        reached = medians.get(goal.figure, {}).get("atelier") if goal.against is None else ratios.get(goal.figure, {}).get(goal.against)
        goals.append({"figure": goal.figure, "against": goal.against, "goal": f"{goal.relation} {goal.bound:g}", "reached": reached,
                      "met": None if reached is None else whole and goal.met(reached)})
    return {"medians": medians, "ratios": ratios, "goals": goals}


def ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours is not None and theirs else None


def shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def section(result: dict) -> str:
    """One workload as Markdown."""
    lines = [f"## {result['name']}: {result['title']}", ""]
    if "error" in result:
        return "\n".join(lines + [f"Not measured: {result['error']}", ""])
    compared = result["comparisons"]
    sides = list(dict.fromkeys(name for one in result["rounds"] for name in one))
    others = [side for side in sides if side != "atelier"]
    lines += ["| figure | " + " | ".join(sides) + " | " + " | ".join(f"ratio to {side}" for side in others) + (" | " if others else "") + "goal | met |",
              "|---" * (len(sides) + len(others) + 3) + "|"]
    for figure, medians in compared["medians"].items():
        goals = [goal for goal in compared["goals"] if goal["figure"] == figure]
        cells = [figure] + [shown(medians.get(side)) for side in sides]
        cells += [shown(compared["ratios"].get(figure, {}).get(side)) for side in others]
        cells += ["; ".join(f"{goal['goal']}" + (f" of {goal['against']}" if goal["against"] else "") for goal in goals),
                  "; ".join({True: "yes", False: "**no**", None: "–"}[goal["met"]] for goal in goals)]
        lines.append("| " + " | ".join(cells) + " |")
    for number, one in enumerate(result["rounds"]):
        for side, measured in one.items():
            for failure in measured.get("failures", [])[:3]:
                lines.append(f"- round {number + 1}, {side}: {failure}")
    return "\n".join(lines + [""])


def progress(workload: Workload, number: int, result: dict):
    first = next(iter(workload.goals), None)
    figure = first.figure if first else None
    values = ", ".join(f"{side} {shown(measured['figures'].get(figure))}" + (f" ({len(measured['failures'])} failed)" if measured.get("failures") else "")
                       for side, measured in result.items())
    print(f"{workload.name} round {number + 1}: {figure or 'done'}: {values}", file=sys.stderr, flush=True)


def write(results: dict, path: pathlib.Path):
    """Keeps everything as JSON and the medians as Markdown."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(path.name + ".json").write_text(json.dumps(results, indent=1, allow_nan=True) + "\n")
    machine = results["machine"]
    lines = [f"# Benchmark of {results['date']}", "",
             f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux {machine['kernel']}, commit {machine['commit']}. "
             f"{results['rounds']} paired rounds, seed {results['seed']}, load before {machine['load_before']:.2f}. Medians; a ratio is the median of the rounds' ratios."]
    if results["subject"] == "peer":
        lines.append("Both sides are llama-server here: the table shows the noise.")
    lines += [""] + [section(workload) for workload in results["workloads"]]
    lines += ["## Commands", ""]
    for workload in results["workloads"]:
        for side, setting in workload.get("settings", {}).items():
            words = [pathlib.Path(word).name if word.startswith("/") else word for word in setting["command"]]
            variables = "".join(f"{name}={value} " for name, value in setting["environment"].items())
            lines.append(f"- {workload['name']}, {side}: `{variables}{' '.join(words)}`")
    path.with_name(path.name + ".md").write_text("\n".join(lines) + "\n")
