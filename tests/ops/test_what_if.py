"""Other hold rules, tried on what happened: the orders that would have gone another way, and nothing changed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from contracts.address import Address
from contracts.frozen import replace
from contracts.orders import HoldReason, OrderHeld, OrderRevised
from ops.audit.commands import register
from ops.console import CannotDo
from ops.history.what_if import Supposed, rules_in, what_if
from ops.system import find
from tests.ops.house import START, House
from tests.ops.test_replay_past import contents
from tests.ops.true_story import history, placed

BELOW = '[orders.hold]\ntotal_above = { EUR = "23.79" }\n'
ABOVE = '[orders.hold]\ntotal_above = { EUR = "23.80" }\n'


BERLIN = Address(line1="Gartenweg 12", city="Berlin", postcode="10405", country="DE")

STREETLESS = replace(BERLIN, line1="")


def addressed(to: Address = BERLIN) -> House:
    """The true story with a delivery address on each order."""
    house = history()
    for said in house.said["orders"]:
        if said.type.startswith("orders.OrderReceived"):
            said.facts["order"]["ship_to"] = {
                name: getattr(to, name) for name in ("line1", "city", "postcode", "country")
            }
    return house


def supposed(tmp_path: Path, rules: str, house: House | None = None, **period: timedelta) -> Supposed:
    """The outcome of trying these rules; `since` and `until` count from the start of the story."""
    file = tmp_path / "rules.toml"
    file.write_text(rules)
    for store in (house or addressed()).write(tmp_path / "var").values():
        store.close()
    return what_if(find(tmp_path / "var"), file, **{name: START + after for name, after in period.items()})


def test_the_rules_of_the_day_send_every_order_the_way_it_went(tmp_path: Path) -> None:
    """The order of exactly the limit is not above it."""
    outcome = supposed(tmp_path, ABOVE)
    assert (outcome.decisions, outcome.otherwise) == (2, ())


def test_orders_above_a_lower_limit_would_have_been_held(tmp_path: Path) -> None:
    """Both outcomes, and the rule's own words."""
    first, second = supposed(tmp_path, BELOW).as_json()["orders"]
    assert first == {
        "order_id": "shop:1",
        "time": "2026-11-21T12:00:00.003000Z",
        "was": {"state": "accepted", "holds": []},
        "would_be": {
            "state": "held",
            "holds": [{"reason": "manual", "detail": "the total of 2380 is above 2379 (minor units of EUR)"}],
        },
        "reason": "held: the total of 2380 is above 2379 (minor units of EUR)",
    }
    assert second["order_id"] == "shop:2"


@pytest.mark.parametrize(
    ("rules", "house", "reason"),
    [
        ('countries = ["AT"]', addressed(), "DE is not among the countries delivered to (AT)"),
        (
            'address_needs = ["country", "street"]',
            addressed(STREETLESS),
            "the delivery address lacks a street",
        ),
    ],
)
def test_every_rule_can_be_tried(tmp_path: Path, rules: str, house: House, reason: str) -> None:
    """Countries that are delivered to, and what an address must have."""
    assert reason in supposed(tmp_path, f"[orders.hold]\n{rules}\n", house).otherwise[0].reason


def test_an_order_that_was_held_would_have_gone_on_under_a_milder_rule(tmp_path: Path) -> None:
    """The other direction: what a person need not have looked at."""
    house = addressed(STREETLESS)
    lacking = "the delivery address lacks a street or company"
    house.say(
        "order/shop:1",
        OrderHeld(
            order_id="shop:1", reason=HoldReason.ADDRESS_INVALID, owner="ann", detail=lacking, since=START
        ),
        "CHANNELS/1",
    )
    orders = house.said["orders"]
    orders[1] = orders.pop()
    milder = '[orders.hold]\naddress_needs = ["country", "place"]\n'
    (found,) = supposed(tmp_path, milder, house, until=timedelta(milliseconds=4)).otherwise
    assert (found.order_id, found.reason) == ("shop:1", f"not held: {lacking}")


def test_only_the_period_is_decided_again(tmp_path: Path) -> None:
    """The first order came at 3 ms, the second later."""
    outcome = supposed(tmp_path, BELOW, since=timedelta(milliseconds=4))
    assert [found.order_id for found in outcome.otherwise] == ["shop:2"]
    assert outcome.decisions == 1


def test_a_revision_is_decided_from_the_state_that_the_order_had(tmp_path: Path) -> None:
    """Below the limit when it came, above it when the channel changed it: held at the second version."""
    house = addressed()
    (line,) = placed(1, "authorised").lines
    dearer = replace(
        placed(1, "authorised"),
        version=2,
        lines=(replace(line, unit_price_minor=1500, total_minor=3000),),
        total_minor=3000,
        ship_to=BERLIN,
    )
    house.say(
        "order/shop:1",
        OrderRevised(order_id="shop:1", order=dearer, applied=True, reason="changed: lines"),
        "CHANNELS/3",
    )
    orders = house.said["orders"]
    orders.insert(2, orders.pop())
    (found,) = supposed(tmp_path, '[orders.hold]\ntotal_above = { EUR = "29.99" }\n', house).otherwise
    assert (found.order_id, found.was.holds) == ("shop:1", ())
    assert found.reason == "held: the total of 3000 is above 2999 (minor units of EUR)"


def test_nothing_is_changed_by_it(tmp_path: Path) -> None:
    """Not a byte of any store or log, asserted by hashes before and after."""
    for store in addressed().write(tmp_path / "var").values():
        store.close()
    (tmp_path / "rules.toml").write_text(BELOW)
    before = contents(tmp_path / "var")
    assert what_if(find(tmp_path / "var"), tmp_path / "rules.toml").otherwise
    assert contents(tmp_path / "var") == before


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ("[billing]\ngateway = 'x'\n", "only the rules in [orders.hold] can be tried"),
        ("", "at least one of them"),
        ("[orders.hold]\ntotal_over = {}\n", "orders.hold.total_over"),
        ("[orders.hold]\ntotal_above = { EUR = 9.5 }\n", "write amounts as text"),
        ("[orders.hold]\ncountries = ['Germany']\n", "orders.hold.countries.0"),
        ("[orders", "cannot be read as TOML"),
    ],
)
def test_rules_that_mean_nothing_are_refused(tmp_path: Path, rules: str, why: str) -> None:
    """A rule that is not read would be believed to make no difference."""
    (tmp_path / "rules.toml").write_text(rules)
    with pytest.raises(CannotDo) as refused:
        rules_in(tmp_path / "rules.toml")
    assert why in str(refused.value)


def test_the_command_answers_machines_and_people(tmp_path: Path) -> None:
    """And says what does not go together."""
    supposed(tmp_path, BELOW)
    app = typer.Typer()
    register(app)

    def run(*more: str) -> tuple[int, str]:
        told = CliRunner().invoke(app, ["replay", *more, "--data", str(tmp_path / "var")])
        return told.exit_code, told.output

    rules = str(tmp_path / "rules.toml")
    code, said = run("--what-if", rules, "--from", START.isoformat(), "--json")
    assert (code, [order["order_id"] for order in json.loads(said)["orders"]]) == (0, ["shop:1", "shop:2"])
    code, said = run("--what-if", rules)
    assert (code, said.splitlines()[-1]) == (0, "2 of 2 decisions would have gone another way")
    assert "accepted → held manual" in said
    assert run("orders", "--what-if", rules)[0] == 1
    assert run("orders", "--until", START.isoformat())[0] == 1
    assert run()[0] == 1
