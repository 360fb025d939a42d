"""Print the result of each command: a record goes in; tables or one JSON value go out on stdout."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tweetscore.cli.accounts import MOST_LISTED
from tweetscore.cli.console import note, show_line, stdout, verbosity, warn
from tweetscore.cli.tables import show_record, show_table
from tweetscore.market.targets import kind_of

if TYPE_CHECKING:  # polars and scikit-learn would slow down --help
    import polars as pl

    from tweetscore.checks.doctor import Check
    from tweetscore.evaluation.compare import Comparison
    from tweetscore.evaluation.earnings import Earnings
    from tweetscore.evaluation.figures import Figures
    from tweetscore.evaluation.forward_record import ForwardRecord
    from tweetscore.ingest.abnormal import AbnormalBars
    from tweetscore.report.record import Report
    from tweetscore.sample.write import Sample
    from tweetscore.scoring.freeze import Frozen
    from tweetscore.study.summary import StudyResult
    from tweetscore.training.run import Trained

CHECK_RESULTS = {True: "ok", False: "broken", None: "skipped"}


def show_sample(written: "Sample", *, as_json: bool) -> None:
    """Print what a made-up archive holds, and where it is."""
    record = asdict(written)
    if as_json:
        show_record(record)
        return
    shown = [
        (name, ", ".join(value) if isinstance(value, tuple) else value)
        for name, value in record.items()
    ]
    show_table(["what", "value"], shown)
    note(f"read it with: tweetscore ingest {written.archive} {written.bars}")
    if written.bars.is_dir():
        note(
            "link, train, score and judge with: tweetscore link --cashtags; tweetscore train "
            "--interval 30 --epochs 20 --output MODEL; tweetscore score --model MODEL; "
            "tweetscore evaluate"
        )


def show_abnormal(derived: "AbnormalBars", *, as_json: bool) -> None:
    """Print what was derived, and how to go on."""
    if as_json:
        show_record(asdict(derived))
        return
    show_table(["what", "value"], list(asdict(derived).items()))
    note(f"see it with: tweetscore report --symbol {derived.symbol}")


def show_info(sections: "Mapping[str, pl.DataFrame]", *, as_json: bool) -> None:
    """Print each part of what a database holds under its name; of many files, the first."""
    if as_json:
        show_record({name: frame.to_dicts() for name, frame in sections.items()})
        return
    for name, frame in sections.items():
        if frame.height:
            most = MOST_LISTED if "source" in frame.columns and not verbosity.verbose else None
            show_line(f"\n{name}", style="bold")
            show_table(frame.columns, frame.head(most or frame.height).rows())
            if most and frame.height > most:
                note(f"{name}: {frame.height - most:,} more files; see them with --verbose")


def show_checks(checks: "Sequence[Check]", *, as_json: bool) -> None:
    """Print the result of each check, and what to do about a broken one or a warning."""
    if as_json:
        healthy = all(check.ok is not False for check in checks)
        show_record({"checks": [asdict(check) for check in checks], "ok": healthy})
        return
    rows = []
    for each in checks:
        result = "warning" if each.ok and each.next_step else CHECK_RESULTS[each.ok]
        rows.append((each.name, result, each.fact, each.next_step or ""))
    show_table(["check", "result", "fact", "what to do"], rows)


def show_tables(rows: Mapping[str, int], *, as_json: bool) -> None:
    """Print how many rows of each table were written or added."""
    if as_json:
        show_record({"rows": dict(rows)})
        return
    show_table(["table", "rows"], list(rows.items()))


def show_trained(trained: "Trained", *, as_json: bool) -> None:
    """Print the figures of a trained model on its test part."""
    from tweetscore.evaluation.verdicts import overall_verdict

    bundle, fitted = trained.bundle, trained.fitted
    if as_json:
        show_record(
            {
                "model": bundle.name,
                "model_id": bundle.model_id,
                "folder": str(bundle.path),
                "best_epoch": fitted.best.number,
                "epochs": len(fitted.history),
                "interrupted": fitted.interrupted,
                "device": bundle.card["training"]["device"],
                "parity": asdict(trained.parity),
                "vectors": bundle.card["vectors"],
                "rows": bundle.card["rows"],
                "permutation": bundle.card.get("permutation"),
                "figures": [asdict(each) for each in trained.figures],
                "verdict": overall_verdict(trained.figures),
            }
        )
        return
    if fitted.interrupted:
        note(f"interrupted after epoch {len(fitted.history)}: the best epoch so far is kept")
    show_figures(trained.figures, as_json=False)
    note(
        f"saved {bundle.path} ({_chosen(trained)}); "
        f"score with: tweetscore score --model {bundle.path}"
    )


def _chosen(trained: "Trained") -> str:
    """Say which of all that was fitted validation has chosen."""
    encoder, history = trained.bundle.card.get("encoder"), trained.fitted.history
    if encoder:
        return f"C = {encoder['regularisation']:g}, of {len(history)} tried"
    return f"epoch {trained.fitted.best.number} of {len(history)}"


def show_study(found: "StudyResult", *, as_json: bool) -> None:
    """Print both comparisons of a study, what they show, and the faults of its protocol."""
    from tweetscore.study.words import (
        ablation_table,
        interval_table,
        sentences,
        study_quality_table,
    )

    if as_json:
        show_record(asdict(found))
        return
    minutes = found.ablation[0].cell.interval_minutes
    for title, (headings, rows) in {
        "intervals": interval_table(found.compared),
        "probabilities": study_quality_table(found.compared),
        f"ablation at {minutes} minutes": ablation_table(found.ablation),
    }.items():
        if rows:
            show_line(title, style="bold")
            show_table(headings, rows)
            stdout.print()
    for sentence in sentences(found.compared, found.ablation):
        show_line(sentence)
    show_line(found.verdict, style="bold")
    if found.faults:
        show_line("\nFaults behind these figures:")
    for fault in found.faults:
        show_line(f"- {fault}")


def show_figures(
    figures: "Sequence[Figures]",
    earnings: "Sequence[Earnings]" = (),
    forward: "Sequence[ForwardRecord]" = (),
    *,
    as_json: bool,
) -> None:
    """Print figures beside their baselines, what they mean, what they would earn, and records."""
    from tweetscore.evaluation.figures import POOLED
    from tweetscore.evaluation.verdicts import (
        FIGURES_EXPLAINED,
        figure_table,
        overall_verdict,
        quality_table,
        sentences,
    )
    from tweetscore.market.symbols import symbols_words

    if as_json:
        verdict = overall_verdict(figures)
        earned = {"earnings": [asdict(each) for each in earnings]} if earnings else {}
        records = {"forward": [asdict(each) for each in forward]} if forward else {}
        measured = [asdict(each) for each in figures]
        show_record({"figures": measured, "verdict": verdict, **earned, **records})
        return
    subjects = dict.fromkeys(map(_subject, figures))
    if len({model_id for _, model_id, *_ in subjects}) > 1:
        show_line(overall_verdict(figures), style="bold")
    for model, model_id, target in subjects:
        own = [each for each in figures if _subject(each) == (model, model_id, target)]
        symbols = [each.symbol for each in own if each.symbol not in {"", POOLED}]
        on = f" on {symbols_words(symbols)}" if symbols else ""
        kind = kind_of(target).of_figures
        called = f"{model} ({model_id})" if model_id else model
        show_line(f"{called}{on}{f', {kind}' if kind else ''}: {overall_verdict(own)}")
        show_table(*figure_table(own))
        stdout.print()
        show_table(*quality_table(own))
        stdout.print()
        for each in sentences(own):
            show_line(each)
    if figures:
        note(FIGURES_EXPLAINED)
    _show_earnings(earnings)
    lines = [f"{one.model} ({one.model_id}) on {one.symbol}, {one.sentence}" for one in forward]
    for line in dict.fromkeys(lines):
        show_line(line)


def show_comparison(found: "Comparison", *, as_json: bool) -> None:
    """Print models on the rows that they share, and which are told apart."""
    from tweetscore.evaluation.compare_words import (
        COMPARED_EXPLAINED,
        comparison_sentences,
        comparison_table,
    )

    if as_json:
        show_record(asdict(found))
        return
    show_table(*comparison_table(found))
    stdout.print()
    for sentence in comparison_sentences(found):
        show_line(sentence)
    for line in found.left_out:
        warn(line)
    note(COMPARED_EXPLAINED)


def show_frozen(frozen: "Frozen", *, as_json: bool) -> None:
    """Print since when a model is frozen."""
    if as_json:
        show_record(asdict(frozen))
        return
    already = "already " if frozen.again else ""
    show_line(
        f"{frozen.model} ({frozen.model_id}) is {already}frozen since "
        f"{frozen.frozen_utc:%Y-%m-%d %H:%M:%S} UTC, sha256 {frozen.bundle_sha256[:16]}"
    )
    note("later: tweetscore ingest, tweetscore score with this model, and tweetscore evaluate")


def _show_earnings(earnings: "Sequence[Earnings]") -> None:
    """Print what entries by predictions of direction would earn."""
    from tweetscore.evaluation.earnings_words import (
        EARNINGS_EXPLAINED,
        earnings_sentence,
        entry_table,
        net_table,
    )

    for model, symbol in dict.fromkeys((each.model, each.symbol) for each in earnings):
        own = [each for each in earnings if (each.model, each.symbol) == (model, symbol)]
        show_line(f"\n{model} on {symbol}: basis points per entry", style="bold")
        show_table(*net_table(own))
        stdout.print()
        show_table(*entry_table(own))
        stdout.print()
        for each in own:
            show_line(earnings_sentence(each))
    if earnings:
        note(EARNINGS_EXPLAINED)


def _subject(figures: "Figures") -> tuple[str, str, str]:
    return figures.model, figures.model_id, figures.target


def show_report(report: "Report", output: Path, *, as_json: bool) -> None:
    """Print the verdict of a report, and where its page is."""
    size = output.stat().st_size
    if as_json:
        subject = asdict(report.subject) if report.subject else None
        verdict = {"verdict": report.verdict, "sentences": report.sentences}
        show_record({"output": str(output), "bytes": size, "subject": subject, **verdict})
        return
    for line in (report.verdict, *report.sentences):
        show_line(line)
    note(f"wrote {output} ({size / 1e6:.1f} MB); open it in a browser, no network is needed")
