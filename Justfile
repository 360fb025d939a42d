# `just` = lint + test. Every recipe runs in the active environment; README says how to make one.

default: lint test

# Style, types and the direction of imports.
lint:
    ruff check .
    ruff format --check .
    mypy
    lint-imports

# The quick tests. Tests share the cores, so each takes one thread; and bytecode is kept, also where
# it usually is not: to rewrite all assertions again takes as long as to read all modules.
test *ARGS:
    PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 pytest -n auto --dist loadfile -m "not slow" {{ARGS}}

# The slow tests, and the properties of the quick ones against all their examples.
slow *ARGS:
    TWEETSCORE_EXAMPLES=all TWEETSCORE_THREADS=2 OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 \
        pytest -n auto --dist loadfile --no-loadscope-reorder -m "slow or property" {{ARGS}}

# Kill ingest and score a hundred times each; the slow tests kill each of them ten times.
kills:
    TWEETSCORE_KILLS=100 OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 pytest -n0 tests/test_kill.py

# A Ray cluster on hosts that share nothing but a bucket (Linux, as root): links are cut, hosts, Ray, workers and the job
# die at random moments: `TWEETSCORE_CUTS=50 TWEETSCORE_SEED=1 TWEETSCORE_HOSTS_ROWS=1000000 TWEETSCORE_HOSTS_SHARDS=20 just hosts`.
hosts *ARGS:
    TWEETSCORE_HOSTS=1 OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 pytest -n0 -s tests/test_hosts.py {{ARGS}}

# Give 200 hostile bundles, and a thousand changed bytes, to the commands that read models.
bundles:
    HOSTILE_BUNDLES=200 FLIPPED_BYTES=1000 OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 \
        pytest -n0 -s tests/test_hostile_bundles.py

# Every order and filter of a million posts in a browser, and how long the slowest take.
pages:
    TWEETSCORE_PAGES_POSTS=1000000 pytest -n0 -s tests/test_browse_page.py -k many_posts

# Damage each file of the corpus in 500 ways, others every time; the slow tests in the same 60.
damage:
    DAMAGES=500 OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 pytest -n auto tests/test_fuzz.py -m slow

# The main job on a made-up archive, in the folder demo.
demo:
    rm -rf demo demo.duckdb
    tweetscore sample demo
    tweetscore ingest demo/* --db demo.duckdb
    tweetscore score --interval 30 --db demo.duckdb
    tweetscore report --db demo.duckdb --output demo/report.html

# What documents take from the code, and README.md from a real run.
docs:
    python -m tests.transcript
    cog -I . -r tweetscore/cli/README.md sql/README.md

# How often the audit of bars is right, over 2,400 made-up files: the table of tweetscore/bars/README.md.
clocks *FILES:
    OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 python tests/clock_simulation.py {{FILES}}

# How often verdicts, earnings and paths are right, by worlds with known truth: the tables of tests/README.md.
simulate:
    python -m tests.simulated_scores
    python -m tests.simulated_comparisons
    python -m tests.simulated_earnings
    python -m tests.simulated_paths
    python -m tests.simulated_calibration
    python -m tests.simulated_words
    PYTHONPATH=tests python -m simulated_queries

# Every command killed, without room, with damaged inputs, and twice at once: `just torture --minutes 10 --seed 0`.
torture *ARGS:
    OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 python -m tests.torture {{ARGS}}

# The wheel, in dist.
wheel:
    python -m build --wheel

# Our way beside the others, interleaved; writes bench.json.
bench *ARGS:
    python -m tests.bench {{ARGS}}

# The reference bundle, from all of the shared data: `just reference ../shared/data`.
reference DATA:
    rm -rf reference.duckdb models/reference
    tweetscore ingest {{DATA}}/tweets/tta_2009-2018.json.zip {{DATA}}/tweets/tta_2016-12_2019-06.csv \
        {{DATA}}/tweets/tta_v2_sample.csv {{DATA}}/market/HISTDATA*.zip --db reference.duckdb
    tweetscore train --output models/reference --db reference.duckdb
    rm reference.duckdb
