"""The SQL stays within what both Redshift and PostgreSQL know.

There is no Redshift here to ask. So each statement is parsed by its grammar in sqlglot, and what
Redshift lacks, or means otherwise, is named and searched for. PostgreSQL itself runs them all in
the other tests.
"""

import re

import pytest
import sqlglot
from cafe_analytics import dialect, loading, migrate, repository, vanished
from cafe_analytics.dialect import is_redshift, rendered
from sqlglot import expressions as exp

VERBS = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|MERGE|CREATE|DROP|LOCK|WITH|TRUNCATE)\b")

FORBIDDEN = {
    r"\bunnest\b": "Redshift unnests only SUPER",
    r"\barray\b|\[\]|=\s*any\b": "Redshift has no arrays as parameters",
    r"\bskip\s+locked\b|\bfor\s+(update|share)\b": "Redshift locks tables, not rows",
    r"\bon\s+conflict\b": "Redshift merges",
    r"\breturning\b": "Redshift returns nothing from a write",
    r"\bjsonb?_\w+|\bjsonb?\b": "JSON functions have other names there",
    r"\btruncate\b": "it commits the transaction in Redshift",
    r"\bon\s+commit\b": "temporary tables of Redshift do not know it",
    r"\bfilter\s*\(": "aggregates of Redshift have no FILTER",
    r"\blateral\b|\bwith\s+ordinality\b|\bdistinct\s+on\b": "not in Redshift",
    r"\bgenerate_series\b|\bnow\s*\(|\bclock_timestamp\b": "leader node only, no tables",
    r"\badvisory\b|\bnotify\b|\blisten\b": "not in Redshift",
    r"\btext\b|\bbytea\b|\buuid\b|\bserial\b|\bbigserial\b": "varchar(256) in silence, or unknown",
    r"\bprimary\s+key\b|\bunique\b|\breferences\b": "a hint there, a promise here",
    r"\bindex\b": "Redshift has sort keys",
    r"\bdo\s+nothing\b": "MERGE of Redshift updates and inserts",
    r"\bwhen\s+matched\s+and\b|\bwhen\s+not\s+matched\s+and\b": "no conditions in MERGE",
    r"\)\s*[<>]=?\s*\(": "Redshift compares no rows",
    r"\blimit\s+\$": "a number in the text is known to work",
    r"\bis\s+(not\s+)?distinct\s+from\b": "not in Redshift",
    r"\bpg_\w+": "PostgreSQL's own",
}


def statements():
    """Every statement that this package sends to either server, by where it stands."""
    found = {}
    for module in (loading, repository, migrate):
        for name, value in vars(module).items():
            parts = value if isinstance(value, tuple) else (value,)
            for number, part in enumerate(parts):
                if name.isupper() and isinstance(part, str) and VERBS.match(part):
                    found[f"{module.__name__}.{name}[{number}]"] = part
    found["staging"] = loading.insert_of("staged_lines", loading.LINE_COLUMNS, 2)
    for migration in migrate.shipped():
        for redshift in (True, False):
            label = f"{migration.name} on {'redshift' if redshift else 'postgresql'}"
            found[label] = rendered(migration.sql, redshift=redshift)
    return found


STATEMENTS = statements()


def common():
    """All but what is for PostgreSQL alone."""
    return {name: sql for name, sql in STATEMENTS.items() if not name.endswith("on postgresql")}


def plain(sql):
    """Without comments."""
    return re.sub(r"--[^\n]*|/\*.*?\*/", "", sql, flags=re.DOTALL)


def parsed(sql, server="redshift"):
    runnable = sql.replace(":most", "10")
    return [tree for tree in sqlglot.parse(runnable, dialect=server) if tree is not None]


def test_nothing_is_overlooked():
    assert len(STATEMENTS) > 20
    for name in ("LOCK", "SWAP", "MERGE_ORDERS", "MERGE_LINES", "RAISE", "LEDGER", "TABLE"):
        assert any(f".{name}[" in label for label in STATEMENTS), name


@pytest.mark.parametrize("name", sorted(common()))
def test_no_statement_uses_what_redshift_lacks(name):
    text = plain(common()[name]).lower()
    for pattern, why in FORBIDDEN.items():
        assert not re.search(pattern, text), f"{pattern}: {why}"


@pytest.mark.parametrize("name", sorted(common()))
def test_redshifts_grammar_knows_every_statement(name):
    if ".LOCK[" in name:
        return  # sqlglot has no LOCK; both servers take it without a mode
    for tree in parsed(plain(common()[name])):
        assert not isinstance(tree, exp.Command), f"not understood: {tree.sql()[:80]}"


@pytest.mark.parametrize("name", ["MERGE_ORDERS", "MERGE_LINES"])
def test_merge_is_the_one_that_redshift_knows(name):
    (tree,) = parsed(getattr(loading, name))
    assert isinstance(tree, exp.Merge)
    assert not tree.this.alias, "the target takes no alias"
    assert isinstance(tree.args["using"], exp.Table), "the source is a table"
    branches = tree.args["whens"].expressions
    assert [branch.args["matched"] for branch in branches] == [True, False]
    assert not any(branch.args.get("condition") for branch in branches)
    target = tree.this.name
    for branch in branches:
        read = {column.table for column in branch.args["then"].find_all(exp.Column)} - {""}
        assert target not in read, "a branch reads the source alone"


def test_the_lock_comes_before_anything_is_read():
    assert loading.LOCK == "LOCK TABLE stream_positions"
    assert migrate.LOCK == "LOCK TABLE schema_migrations"


def test_a_statement_has_at_most_the_parameters_of_the_protocol():
    for columns in (loading.ORDER_COLUMNS, loading.LINE_COLUMNS):
        rows = loading.MOST_PARAMETERS // len(columns)
        assert rows * len(columns) <= 32_767
        assert (rows + 1) * len(columns) > 32_767


def test_the_columns_of_the_loader_are_those_of_the_tables():
    schema = rendered(migrate.shipped()[0].sql, redshift=True)
    tables = {
        tree.this.this.name: [column.name for column in tree.this.expressions]
        for tree in parsed(schema)
        if isinstance(tree, exp.Create) and tree.kind == "TABLE"
    }
    assert tables["orders"] == list(loading.ORDER_COLUMNS)
    assert tables["order_lines"] == list(loading.LINE_COLUMNS)


def test_keys_of_distribution_are_for_redshift_and_indexes_for_postgresql():
    schema = migrate.shipped()[0].sql
    redshift, postgresql = (plain(rendered(schema, redshift=r)) for r in (True, False))
    assert redshift.count("DISTKEY (order_id)") == 2
    assert "CREATE INDEX" not in redshift
    assert "DISTKEY" not in postgresql
    assert postgresql.count("CREATE INDEX") == 3


def test_every_text_has_a_length_in_bytes_that_redshift_keeps():
    for name, sql in common().items():
        assert not re.search(r"\bvarchar\b(?!\s*\()", plain(sql)), name


ONLY_REDSHIFT = {"HOLDERS": vanished.HOLDERS, "RUNNING": vanished.RUNNING, "END": vanished.END}
KNOWN_THERE = {"pg_class", "pg_terminate_backend"}


@pytest.mark.parametrize("name", sorted(ONLY_REDSHIFT))
def test_what_is_for_redshift_alone_is_of_its_grammar_and_of_what_its_manual_names(name):
    text = plain(ONLY_REDSHIFT[name])
    for pattern, why in FORBIDDEN.items():
        if "pg_" not in pattern:
            assert not re.search(pattern, text.lower()), f"{pattern}: {why}"
    assert set(re.findall(r"\bpg_\w+", text)) <= KNOWN_THERE
    for tree in parsed(text):
        assert not isinstance(tree, exp.Command)


class Server:
    """A connection that says what asyncpg learned of the server."""

    def __init__(self, **settings):
        self.settings = settings

    def get_settings(self):
        return type("Settings", (), self.settings)()


def test_redshift_is_known_by_what_it_announces():
    assert is_redshift(Server(padb_revision="6c5c9b0", server_version="8.0.2"))
    assert not is_redshift(Server(server_version="15.8"))


def test_nothing_is_sent_to_redshift_that_it_would_refuse_at_the_door():
    assert dialect.warehouse_bounds(20).server_settings == {}
    assert dialect.warehouse_bounds(20).cached_statements == 0
