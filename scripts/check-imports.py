#!/usr/bin/env python3
"""Holds each target's imports to its `dependencies:` list in Package.swift, which SwiftPM does not.

Prints every import that the list does not allow and exits 1; prints the number of checked files otherwise.
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SYSTEM = {"Foundation", "FoundationEssentials", "Glibc", "Musl", "Darwin", "Synchronization", "Testing", "Dispatch", "Swift"}
# Products whose modules have other names than the product.
MODULES = {"Hummingbird": {"Hummingbird", "HummingbirdCore", "HTTPTypes", "NIOCore", "Logging"}}
IMPORT = re.compile(r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|private|fileprivate)\s+)?import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)", re.M)


def main() -> int:
    manifest = json.loads(subprocess.run(
        ["swift", "package", "dump-package"], cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    problems, files = [], 0
    for target in manifest["targets"]:
        folder = ROOT / (target.get("path") or ("Tests" if target["type"] == "test" else "Sources") + "/" + target["name"])
        allowed = set(SYSTEM) | {target["name"]}
        for dependency in target["dependencies"]:
            name = next(iter(dependency.values()))[0]
            allowed |= MODULES.get(name, {name})
        for source in sorted(folder.rglob("*.swift")):
            files += 1
            for module in IMPORT.findall(source.read_text()):
                if module not in allowed:
                    problems.append(f"{source.relative_to(ROOT)}: imports {module}, which {target['name']} does not depend on")
    print("\n".join(problems) if problems else f"imports of {files} files follow Package.swift")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
