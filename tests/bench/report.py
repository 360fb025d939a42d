"""What a run found: rows enter, ``bench.json`` and a table leave."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from . import memory
from .measure import Row, Setup

MILLION = memory.NAME.format(1_000_000)
TEN_MILLION = memory.NAME.format(10_000_000)
APART = "peak_rss_10m_over_1m"
PACKAGES = ("tweetscore", "duckdb", "numpy", "onnxruntime", "polars", "torch", "vaderSentiment")


@dataclass(frozen=True, slots=True)
class Target:
    """What a row must reach, or not exceed."""

    value: float
    at_most: bool = False

    def met_by(self, value: float) -> bool:
        """Say whether a value is on the right side."""
        return value <= self.value if self.at_most else value >= self.value


# The rows that bench.json lists as its ratios, measured in this run or not.
RATIOS = {
    "network_vs_ort_sorted": Target(2.3),
    "network_vs_ort_padded": Target(6),
    "whole_vs_floor": Target(1.6, at_most=True),
    "ingest_vs_duckdb": Target(1),
    "whole_vs_vader": Target(4),
    "text_to_ids": Target(6),
    "training_epoch": Target(2),
    "windows_vs_asof": Target(2),
    "bucket_vs_files": Target(0.8),
    "max_probability_difference": Target(2e-5, at_most=True),
    "flipped_labels": Target(0, at_most=True),
    "classifier_vs_pipeline": Target(3),
    "classifier_flipped_labels": Target(0, at_most=True),
    "classifier_rss_last_over_first": Target(1.05, at_most=True),
    MILLION: Target(1.5, at_most=True),
    TEN_MILLION: Target(1.5, at_most=True),
    APART: Target(1.15, at_most=True),
}


def write(rows: list[Row], setup: Setup, command: str, load: float, path: Path) -> list[Row]:
    """Write the run, beside what earlier runs on this machine measured; return all of its rows.

    Args:
        rows: of this run; they replace those of the same name.
        setup: of this run.
        command: that started it.
        load: of the machine before the run: cores that others kept busy.
        path: of the JSON file.
    """
    date, facts = datetime.now(UTC).date().isoformat(), machine()
    measured = {row.name: {**asdict(row), "rows": setup.rows, "date": date} for row in rows}
    before = json.loads(path.read_text()) if path.exists() else {}
    if before.get("machine") == facts:
        measured = {each["name"]: each for each in before["measurements"]} | measured
    measured.pop(APART, None)
    if MILLION in measured and TEN_MILLION in measured:
        ratio = measured[TEN_MILLION]["value"] / measured[MILLION]["value"]
        row = Row(APART, "peak RSS, ten million rows / one million", ratio, "x")
        measured[APART] = {**asdict(row), "rows": 10_000_000, "date": date}
    content = {
        "command": command,
        "date": date,
        "machine": facts,
        "load_average_before": load,
        "rows": setup.rows,
        "repeats": setup.repeats,
        "ratios": {
            name: {"value": measured.get(name, {}).get("value"), "target": target.value}
            for name, target in RATIOS.items()
        },
        "measurements": list(measured.values()),
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    fields = Row.__dataclass_fields__
    return [Row(**{name: each[name] for name in fields}) for each in measured.values()]


def show(rows: list[Row], console: Console) -> None:
    """Print the table: first the rows with a target, then the others."""
    table = Table("what", "ours", "other", "value", "target", "", "measured on")
    for row in sorted(rows, key=lambda row: (row.name not in RATIOS, _place(row.name))):
        value = "-" if row.value is None else f"{_number(row.value)} {row.unit}".strip()
        wanted, verdict = "", ""
        if target := RATIOS.get(row.name):
            wanted = f"{'at most' if target.at_most else 'at least'} {target.value:g}"
            verdict = "" if row.value is None else "ok" if target.met_by(row.value) else "MISSED"
        table.add_row(row.what, row.ours, row.other, value, wanted, verdict, row.note)
    console.print(table)


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.platform(),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
        },
    }


def _place(name: str) -> int:
    return list(RATIOS).index(name) if name in RATIOS else 0


def _number(value: float) -> str:
    return f"{value:.1e}" if 0 < value < 0.001 else f"{value:,.{0 if value >= 1_000 else 2}f}"
