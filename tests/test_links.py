"""Posts linked to symbols: by which rules, at what time, and what everything then meets."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from jobs import in_a_database, job_of, results, run, write
from jobs import posts as made_posts
from tiny import OF_DIRECTION, UP, put_bars
from typer.testing import CliRunner

from tweetscore import api
from tweetscore.checks.doctor import diagnose
from tweetscore.cli.app import app
from tweetscore.errors import InputError
from tweetscore.ingest.account import IngestOptions
from tweetscore.ingest.links import Linked, link, posts_to_link, unlink
from tweetscore.ingest.run import ingest
from tweetscore.market.windows import ensure_windows
from tweetscore.scoring.bundle import Bundle
from tweetscore.store.database import Store, open_store
from tweetscore.training.dataset import market_rows

DAY = datetime(2018, 12, 19)
CLOSES = {"SPX": 2500.0, "TSLA": 340.0, "GE": 7.5}
Post = tuple[str, str, str | None]  # time of 2018-12-19, text, author


def quiet(*_: object) -> None:
    pass


def put_market(store: Store) -> None:
    """Half an hour of bars of three symbols; TSLA begins ten minutes later."""
    for symbol, close in CLOSES.items():
        start = "15:10" if symbol == "TSLA" else "15:00"
        put_bars(
            store, f"2018-12-19 {start}:00", [close * (1 + n % 7 / 1000) for n in range(30)], symbol
        )
    ensure_windows(store, [5])


def put_posts(store: Store, posts: Sequence[Post], source_id: int = 1, first_id: int = 1) -> None:
    rows = [
        {
            "platform": "twitter",
            "tweet_id": number,
            "author": author,
            "posted_utc": datetime.fromisoformat(f"2018-12-19 {time}"),
            "text": text,
            "source_id": source_id,
        }
        for number, (time, text, author) in enumerate(posts, first_id)
    ]
    store.append("tweets", pl.DataFrame(rows, schema_overrides={"author": pl.String}))


def put_scores(store: Store) -> None:
    model = {"model_id": "hand", "name": "hand", "uses_counts": False, "card": "{}", **OF_DIRECTION}
    store.append("models", pl.DataFrame([model]))
    store.con.execute(
        "INSERT INTO predictions SELECT 'hand', platform, tweet_id, interval_minutes, $up, 0.75 "
        "FROM tweets, (VALUES (5), (30)) v(interval_minutes)",
        {"up": UP},
    )


def by_rules(store: Store, folder: Path, *rules: str, header: str = "symbol,kind,term") -> Linked:
    table = folder / "rules.csv"
    table.write_text("\n".join((header, *rules)) + "\n", "utf-8")
    return link(store, table, quiet)


def links(store: Store) -> dict[int, dict[str, list[int]]]:
    """Each post's symbols, and the rules that link it to them."""
    found: dict[int, dict[str, list[int]]] = {}
    for tweet, symbol, rules in store.rows("SELECT tweet_id, symbol, rules FROM links"):
        assert symbol not in found.setdefault(tweet, {})
        found[tweet][symbol] = rules
    return found


TIMED = "symbol,kind,term,valid_from,valid_until"
NEWS: list[Post] = [
    ("15:01", "$SPX and $tsla up", "a"),
    ("15:02", "nothing", "b"),
    ("15:12", "Tesla, $TSLA", "A"),
    ("15:20", "General  Electric #GE", None),
]


# --- which rules link which posts -----------------------------------------------------------------


def test_a_post_has_several_symbols_and_a_link_all_its_rules(store: Store, tmp_path: Path) -> None:
    put_market(store)
    put_posts(store, NEWS)
    found = by_rules(
        store, tmp_path, "SPX,cashtag,$SPX", "tsla,cashtag,TSLA", "TSLA,Word,tesla",
        "GE,phrase,general electric", "GE,hashtag,#ge", "GE,author,@a",
    )  # fmt: skip
    assert links(store) == {
        1: {"SPX": [1], "TSLA": [2], "GE": [6]},
        3: {"TSLA": [2, 3], "GE": [6]},
        4: {"GE": [4, 5]},
    }
    counts = (found.posts, found.linked, found.unlinked, found.links)
    assert counts == (4, 3, 1, 6)
    assert (found.rules_added, found.rules_removed) == (6, 0)
    names = ("rule", "symbol", "kind", "term", "posts", "share")
    assert found.rules.select(names).rows() == [
        (1, "SPX", "cashtag", "SPX", 1, 0.25),
        (2, "TSLA", "cashtag", "TSLA", 2, 0.5),
        (3, "TSLA", "word", "tesla", 1, 0.25),
        (4, "GE", "phrase", "general electric", 1, 0.25),
        (5, "GE", "hashtag", "ge", 1, 0.25),
        (6, "GE", "author", "a", 2, 0.5),
    ]


def test_a_rule_holds_from_its_first_moment_until_before_its_last(
    store: Store, tmp_path: Path
) -> None:
    put_market(store)
    times = ["14:59:59.999999", "15:00", "15:29:59.999999", "15:30", "23:59:59"]
    put_posts(store, [(time, "$FB", None) for time in times])
    by_rules(
        store, tmp_path,
        "SPX,cashtag,FB,2018-12-19T15:00:00Z,2018-12-19 16:30:00+01:00",
        "TSLA,cashtag,FB,,2018-12-19T15:00", "TSLA,cashtag,fb,2018-12-19 15:30:00,",
        "GE,cashtag,FB,2018-12-19,2018-12-20", "GE,word,fb,2018-12-20,",
        header=TIMED,
    )  # fmt: skip
    assert links(store) == {
        1: {"TSLA": [2], "GE": [4]},
        2: {"SPX": [1], "GE": [4]},
        3: {"SPX": [1], "GE": [4]},
        4: {"TSLA": [3], "GE": [4]},
        5: {"TSLA": [3], "GE": [4]},
    }


@pytest.mark.property
def test_links_are_those_of_a_loop_over_posts_and_rules(store: Store, tmp_path: Path) -> None:
    draw = random.Random(3)
    put_market(store)
    words = ["$SPX", "$TSLA", "$GE", "#ge", "tesla", "general electric", "x"]
    posts: list[Post] = [
        (
            f"15:{draw.randrange(60):02}:00",
            " ".join(draw.choices(words, k=draw.randint(0, 4))),
            draw.choice(["a", "b", None]),
        )
        for _ in range(300)
    ]
    put_posts(store, posts)
    rules = []
    for symbol in CLOSES:
        for kind, term in (
            ("cashtag", symbol),
            ("word", "tesla"),
            ("author", "b"),
            ("hashtag", "GE"),
        ):
            begin, end = sorted(draw.sample(range(60), 2))
            since = f"2018-12-19 15:{begin:02}:00" if draw.random() < 0.6 else ""
            until = f"2018-12-19 15:{end:02}:00" if draw.random() < 0.6 else ""
            rules.append((symbol, kind, term, since, until))
    by_rules(store, tmp_path, *(",".join(rule) for rule in rules), header=TIMED)
    signs = {"cashtag": "$", "hashtag": "#", "word": ""}
    expected: dict[int, dict[str, list[int]]] = {}
    for tweet, (time, text, author) in enumerate(posts, 1):
        for number, (symbol, kind, term, since, until) in enumerate(rules, 1):
            named = author == term if kind == "author" else signs[kind] + term in text.split()
            named |= kind == "hashtag" and "#ge" in text.split()
            moment = f"2018-12-19 {time}"
            if named and since <= moment and (not until or moment < until):
                expected.setdefault(tweet, {}).setdefault(symbol, []).append(number)
    assert links(store) == expected
    assert len(expected) > 100


@pytest.mark.slow
def test_cashtags_makes_a_rule_for_each_symbol_that_can_be_one(store: Store) -> None:
    put_market(store)
    put_bars(store, "2018-12-19 15:00:00", [1.0, 1.1], "7203")
    put_posts(store, [*NEWS, ("15:00", "$7203", None)])
    found = link(store, None, quiet, cashtags=True)
    assert links(store) == {1: {"SPX": [2], "TSLA": [3]}, 3: {"TSLA": [3]}}
    assert found.warnings == ("no cashtag can name 7203; write rules for them in a table",)
    assert found.rules["term"].to_list() == ["GE", "SPX", "TSLA"]


# --- again, and others ----------------------------------------------------------------------------


def test_only_what_is_new_is_linked_and_other_rules_replace_those_there(
    store: Store, tmp_path: Path
) -> None:
    put_market(store)
    put_posts(store, NEWS)
    first = by_rules(store, tmp_path, "TSLA,cashtag,TSLA", "SPX,cashtag,SPX")
    assert posts_to_link(store) == 0
    again = link(store, None, quiet)
    assert (again.posts, again.rules_added, again.rules_removed) == (0, 0, 0)
    assert again.rules.equals(first.rules)
    put_posts(store, [("15:25", "$TSLA", None), ("15:26", "", None)], source_id=2, first_id=11)
    assert posts_to_link(store) == 2
    # A link that no rule would make shows that what was linked is not linked again.
    store.con.execute("INSERT INTO links VALUES ('twitter', 2, 'GE', [1])")
    third = by_rules(store, tmp_path, "TSLA,cashtag,TSLA", "SPX,cashtag,SPX")
    assert (third.posts, third.linked, third.links, third.rules_added) == (2, 1, 1, 0)
    assert links(store)[11] == {"TSLA": [1]}
    assert links(store)[2] == {"GE": [1]}
    other = by_rules(store, tmp_path, "GE,hashtag,ge", "TSLA,cashtag,TSLA")
    assert (other.rules_added, other.rules_removed, other.posts) == (1, 1, 6)
    assert links(store) == {1: {"TSLA": [2]}, 3: {"TSLA": [2]}, 4: {"GE": [1]}, 11: {"TSLA": [2]}}
    assert unlink(store) == 2
    assert [store.rows(f"FROM {name}") for name in ("link_rules", "links", "linked_sources")] == [
        [], [], []
    ]  # fmt: skip


@pytest.mark.slow
def test_a_post_whose_text_a_later_file_replaces_is_linked_anew(
    store: Store, tmp_path: Path
) -> None:
    def read(name: str, *rows: tuple[int, str, int]) -> None:
        lines = [
            json.dumps(
                {
                    "id_str": str(1075465663411126272 + number), "full_text": text,
                    "created_at": "Wed Dec 19 18:59:30 +0000 2018",
                    "retweet_count": count, "favorite_count": 1, "user": {"screen_name": "a"},
                }
            )
            for number, text, count in rows
        ]  # fmt: skip
        (tmp_path / name).write_text("\n".join(lines) + "\n", "utf-8")
        (account,) = ingest(store, [tmp_path / name], IngestOptions(), quiet)
        assert not account.error

    put_market(store)
    read("one.jsonl", (0, "cut $TS", 1), (1, "both $TSLA", 1), (2, "gone $GE", 1), (3, "x", 1))
    link(store, None, quiet, cashtags=True)
    key = 1075465663411126272
    assert links(store) == {key + 1: {"TSLA": [3]}, key + 2: {"GE": [1]}}
    read(
        "two.jsonl", (0, "cut $TSLA now whole", 1), (1, "both $TSLA", 9), (2, "gone, and longer", 1)
    )
    # Until it is linked again it is missing, never wrong.
    assert links(store) == {key + 1: {"TSLA": [3]}}
    found = link(store, None, quiet)
    assert links(store) == {key: {"TSLA": [3]}, key + 1: {"TSLA": [3]}}
    assert (found.posts, found.links, posts_to_link(store)) == (2, 1, 0)


# --- what cannot be used --------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "fact"),
    [
        (
            "TSLAA,word,x,,",
            "there are no bars of TSLAA; ingest them first, or name one of GE, SPX, TSLA; did you "
            "mean TSLA?",
        ),
        (",word,x,,", "the symbol is empty; name one of GE, SPX, TSLA"),
        (
            "GE,hashtags,x,,",
            "'hashtags' is no kind of rule; use cashtag, hashtag, word, phrase, author; "
            "did you mean hashtag?",
        ),
        ("GE,word,,,", "the term is empty; write the word that is looked for"),
        ("GE,cashtag,$,,", "the term is empty; write the cashtag that is looked for"),
        (
            "GE,hashtag,#a-b,,",
            "'a-b' is no hashtag, which has letters, digits and _; make it a phrase",
        ),
        ("GE,word,two words,,", "'two words' is several words; make it a phrase"),
        (
            "GE,cashtag,ABCDEFG,,",
            "'ABCDEFG' is no cashtag, which has up to six letters and perhaps . or _ with one or "
            "two more; make it a word",
        ),
        (
            "GE,word,x,2018-01-02,2018-01-02T00:00Z",
            "valid_from 2018-01-02 00:00:00 is not before valid_until 2018-01-02 00:00:00; no post "
            "could be linked",
        ),
        (
            "GE,word,x,3 April,",
            "valid_from '3 April' is no time; write 2014-04-03 or 2014-04-03T13:30:00Z",
        ),
        (
            "GE,word,Tesla,,2019-01-01",
            "word 'Tesla' of GE is there twice, as in line 2; delete one",
        ),
        (
            "ge,Word,TESLA,2018-01-01,",
            "word 'TESLA' of GE overlaps line 2; end one before the other begins",
        ),
    ],
)  # fmt: skip
def test_each_rule_that_cannot_be_used_has_a_line_and_nothing_changes(
    store: Store, tmp_path: Path, rule: str, fact: str
) -> None:
    put_market(store)
    put_posts(store, NEWS)
    link(store, None, quiet, cashtags=True)
    before = links(store), store.rows("FROM link_rules")
    with pytest.raises(InputError) as refused:
        by_rules(store, tmp_path, "GE,word,tesla,,2019-01-01", rule, header=TIMED)
    assert str(refused.value) == f"{tmp_path / 'rules.csv'}: line 3: {fact}"
    assert (links(store), store.rows("FROM link_rules")) == before


def test_a_table_without_a_column_or_a_rule_is_refused(store: Store, tmp_path: Path) -> None:
    put_posts(store, NEWS)
    with pytest.raises(InputError, match="holds no bars; ingest bars of the symbols first"):
        link(store, None, quiet, cashtags=True)
    put_market(store)
    with pytest.raises(InputError, match="has no rules yet; name a table of rules"):
        link(store, None, quiet)
    with pytest.raises(InputError, match="has no column term"):
        by_rules(store, tmp_path, "GE,word", header="symbol,kind")
    with pytest.raises(InputError, match="holds no rule; write one in each row"):
        by_rules(store, tmp_path, ",,")
    with pytest.raises(InputError, match="leave it or the table of rules out"):
        link(store, tmp_path / "rules.csv", quiet, cashtags=True)
    two = ("XX,word,a", "GE,nothing,a")
    with pytest.raises(
        InputError, match=r"(?s)line 2: there are no bars of XX.*\nError: .*line 3: 'nothing'"
    ):
        by_rules(store, tmp_path, *two)


def test_rules_that_link_nearly_every_post_are_told_with_their_share(
    store: Store, tmp_path: Path
) -> None:
    put_market(store)
    put_posts(store, [("15:00", "T and x", "a"), ("15:01", "it's t-x", "b"), ("15:02", "x", "c")])
    found = by_rules(
        store, tmp_path, "GE,word,T", "GE,word,And", "GE,word,x", "SPX,word,it's", "SPX,cashtag,T"
    )
    assert found.warnings == (
        "rule 1, word 'T' of GE: is one letter; it links 2 posts, 66.7% of all",
        "rule 2, word 'And' of GE: is a stop word; it links 1 posts, 33.3% of all",
        "rule 3, word 'x' of GE: is one letter; it links 3 posts, 100.0% of all",
        'rule 4, word "it\'s" of SPX: is a stop word; it links 1 posts, 33.3% of all',
    )


@pytest.mark.slow
def test_rules_that_link_no_post_are_told(store: Store, tmp_path: Path) -> None:
    put_market(store)
    put_posts(store, NEWS)
    told = by_rules(store, tmp_path, "GE,word,nobody").warnings
    assert told == (
        "no post is linked, so none meets a symbol; check the terms, or take the rules away with: "
        "tweetscore link --remove",
    )


@pytest.mark.slow
def test_rules_come_from_any_table_with_terms_taken_literally(store: Store, tmp_path: Path) -> None:
    put_market(store)
    put_posts(store, [("15:00", "(C.*) a|b [x]", None), ("15:01", "CCC ab x", None)])
    rules = [{"symbol": "GE", "kind": "word", "term": each} for each in ("(C.*)", "a|b", "[x]")]
    pl.DataFrame(rules).write_parquet(tmp_path / "rules.parquet")
    (tmp_path / "rules.json").write_text(json.dumps(rules), "utf-8")
    pl.DataFrame(rules).write_csv(tmp_path / "rules.tsv", separator="\t")
    for name in ("rules.parquet", "rules.json", "rules.tsv"):
        link(store, tmp_path / name, quiet)
        assert links(store) == {1: {"GE": [1, 2, 3]}}
        unlink(store)


# --- what meets what ------------------------------------------------------------------------------


def expected_rows(
    store: Store, posts: Sequence[Post], linked: Mapping[int, Sequence[str]]
) -> list[tuple[Any, ...]]:
    """The rows of the view, by a loop over posts, their symbols, sessions and intervals."""
    windows = {row[:4]: row[4:8] for row in store.rows("FROM windows")}
    bars = {
        symbol: (first, last + timedelta(minutes=1))
        for symbol, first, last in store.rows(
            "SELECT symbol, min(minute_utc), max(minute_utc) FROM bars GROUP BY symbol"
        )
    }
    rows: list[tuple[Any, ...]] = []
    for tweet, (time, *_) in enumerate(posts, 1):
        entry = datetime.fromisoformat(f"2018-12-19 {time}")
        if entry.second or entry.microsecond:
            entry = entry.replace(second=0, microsecond=0) + timedelta(minutes=1)
        symbols: Sequence[str | None] = linked.get(tweet, ()) or [None]
        for symbol in symbols:
            for session in ("regular", "extended"):
                for minutes in (5, 30):
                    entry_price = exit_price = None
                    if symbol is None:
                        status = "no_symbol"
                    elif not bars[symbol][0] <= entry <= bars[symbol][1]:
                        status = "no_data"
                    else:
                        entry_price, exit_price, _, status = windows.get(
                            (symbol, session, entry, minutes), (None, None, None, "market_closed")
                        )
                    rows.append((tweet, symbol, session, minutes, status, entry_price, exit_price))
    return sorted(rows, key=repr)


SHOWN = (
    "SELECT tweet_id, symbol, session, interval_minutes, status, entry_price, exit_price "
    "FROM scored_any"
)


@pytest.mark.property
def test_every_row_meets_its_own_symbols_and_one_without_keeps_its_row(store: Store) -> None:
    draw = random.Random(1)
    put_market(store)
    posts: list[Post] = []
    named: dict[int, list[str]] = {}
    for tweet in range(1, 121):
        chosen = sorted(draw.sample([*CLOSES], draw.choice([0, 1, 1, 2, 3])))
        named[tweet] = chosen
        time = (
            f"{draw.choice([14, 15, 15, 15])}:{draw.randrange(60):02}:{draw.choice(['00', '30'])}"
        )
        posts.append((time, " ".join(f"${each}" for each in chosen) or "none", None))
    put_posts(store, posts)
    put_scores(store)
    every = {tweet: [*CLOSES] for tweet in named}
    assert sorted(store.rows(SHOWN), key=repr) == expected_rows(store, posts, every)
    link(store, None, quiet, cashtags=True)
    rows = sorted(store.rows(SHOWN), key=repr)
    assert rows == expected_rows(store, posts, named)
    assert {row[4] for row in rows} >= {"ok", "no_symbol", "no_data"}
    unlink(store)
    assert sorted(store.rows(SHOWN), key=repr) == expected_rows(store, posts, every)


@pytest.mark.slow
def test_training_reads_the_posts_of_its_symbol_alone(store: Store) -> None:
    put_market(store)
    put_posts(store, NEWS)

    def trained_on(symbol: str) -> list[int]:
        rows = market_rows(store, [symbol], "regular", [5], with_counts=False, keep_flat=True)
        return rows["tweet_id"].to_list()

    assert [trained_on(each) for each in ("SPX", "TSLA")] == [[1, 2, 3, 4], [3, 4]]
    link(store, None, quiet, cashtags=True)
    assert [trained_on(each) for each in ("SPX", "TSLA", "GE")] == [[1], [3], []]


@pytest.mark.slow
def test_shards_are_linked_by_the_rules_of_their_market(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    texts = ["$SPX up", "down", "win $SPX.", "$NDX"]
    frame = made_posts(200).with_columns(
        text=pl.Series([f"{texts[n % 4]} tariffs great day" for n in range(200)])
    )
    linked = tmp_path / "market.duckdb"
    linked.write_bytes(market.read_bytes())
    with open_store(linked) as store:
        ((symbol,),) = store.rows("SELECT symbol FROM symbols")
        by_rules(store, tmp_path, f"{symbol},cashtag,SPX")
    job = job_of(linked, bundle, tmp_path / "out")
    assert job.market.fingerprint != job_of(market, bundle, tmp_path / "no").market.fingerprint
    run(write(tmp_path / "in", frame), replace(job, chunk_rows=7))
    found = results(tmp_path / "out")
    known = in_a_database(linked, bundle, frame, tmp_path / "whole.duckdb")
    assert found.equals(known)
    assert found["status"].is_in(["no_symbol"]).any()
    assert found["symbol"].drop_nulls().unique().to_list() == [symbol]


# --- checks and the command line ------------------------------------------------------------------


@pytest.mark.slow
def test_doctor_finds_dangling_and_double_links_and_posts_not_linked_yet(
    store: Store,
) -> None:
    put_market(store)
    put_posts(store, NEWS)

    def verdicts() -> dict[str, tuple[bool | None, str]]:
        names = ("orphans", "duplicate_links", "duplicate_entries", "values", "links")
        store.con.execute("CHECKPOINT")
        store.con.close()
        found = {each.name: (each.ok, each.fact) for each in diagnose(store.path)}
        return {name: found[name] for name in names}

    link(store, None, quiet, cashtags=True)
    put_posts(store, [("15:00", "x", None)], source_id=2, first_id=9)
    for row in (
        "('twitter', 77, 'GE', [1])", "('twitter', 4, 'XX', [2])", "('twitter', 4, 'GE', [2])",
        "('twitter', 1, 'TSLA', [3])",
    ):  # fmt: skip
        store.con.execute(f"INSERT INTO links VALUES {row}")
    store.con.execute("INSERT INTO link_rules VALUES (3, 'GE', 'tag', '', NULL, NULL)")
    found = verdicts()
    # None of its files is there: that of the bars, and those of the posts.
    assert found["orphans"] == (
        False,
        "7 found: bars of source 1, which is no source of them: 90; link of twitter 77, which is "
        "not there, to GE; links of GE by rule 2, which is no rule of it: 1; …",
    )
    assert found["duplicate_links"] == (
        False, "1 found: twitter 1 and TSLA are linked 2 times"
    )  # fmt: skip
    assert found["duplicate_entries"] == (False, "1 found: rule 3 is there 2 times")
    assert found["values"] == (False, "1 found: rule 3: kind tag")
    assert found["links"] == (True, "1 posts are not held against the rules yet")


@pytest.mark.slow
def test_links_leave_with_an_export_and_come_back(store: Store, tmp_path: Path) -> None:
    put_market(store)
    put_posts(store, NEWS)
    put_scores(store)
    link(store, None, quiet, cashtags=True)
    shown, linked = store.rows(f"{SHOWN} ORDER BY ALL"), links(store)
    store.con.close()
    with api.open(store.path) as database:
        database.export(tmp_path / "export")
    with api.open(tmp_path / "back.duckdb") as database:
        database.import_from(tmp_path / "export")
        assert database.store.rows(f"{SHOWN} ORDER BY ALL") == shown
        assert links(database.store) == linked
        assert database.posts_to_link() == 0


@pytest.mark.slow
def test_the_command_shows_each_rule_with_its_hits(store: Store) -> None:
    put_market(store)
    put_posts(store, NEWS)
    store.con.close()

    def said(*arguments: str) -> Any:
        given = ["link", *arguments, "--db", str(store.path)]
        return CliRunner().invoke(app, given)

    rule = {"kind": "cashtag", "valid_from_utc": None, "valid_until_utc": None}
    rules = [
        {"rule": 1, "symbol": "GE", "term": "GE", "posts": 0, "share": 0.0, **rule},
        {"rule": 2, "symbol": "SPX", "term": "SPX", "posts": 1, "share": 0.25, **rule},
        {"rule": 3, "symbol": "TSLA", "term": "TSLA", "posts": 2, "share": 0.5, **rule},
    ]
    made = said("--cashtags", "--json")
    assert json.loads(made.stdout) == {
        "json_version": 1, "rules_added": 3, "rules_removed": 0, "posts": 4, "linked": 2,
        "unlinked": 2, "links": 3, "warnings": [], "rules": rules,
    }  # fmt: skip
    assert json.loads(said("--list", "--json").stdout) == {"json_version": 1, "rules": rules}
    again = said()
    assert "rules: as before" in again.stderr
    assert "0 posts: 0 linked (0 links), 0 without a symbol" in again.stderr
    assert said("--list", "--remove").exit_code != 0
    assert "3 rules removed: each post meets each symbol" in said("--remove").stderr
    refused = said()
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
