"""Whatever people do in whatever order: above the limit no money moves without two of them, never more than came."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.billing import RefundApproved, RefundDenied, RefundRequested, RefundStarted
from contracts.event import Event
from contracts.second_person import same_person
from services.billing.domain.answers import Declined, Refunded
from services.billing.domain.commands import ApproveRefund, DenyRefund, RetryRefund
from services.billing.settings import BillingSettings
from services.billing.wiring import declare
from tests.billing.makers import ORDER, PAYMENT, SHOP, cancelled
from tests.billing.test_second_person import CAPTURED
from tests.spec import Answered, Memory, Spec

PEOPLE = ("anna", "Anna", "mira", "otto")
LIMITED = Spec(declare(BillingSettings(refund_limits_minor={"EUR": 0}), SHOP))

people = st.sampled_from(PEOPLE)
refund_ids = st.sampled_from([f"refund-{ORDER}-{number}" for number in (1, 2, 3)])
acts = st.one_of(
    st.just(cancelled()),
    st.builds(RetryRefund, order_id=st.just(ORDER), actor=people, reason=st.just("again")),
    st.builds(
        ApproveRefund, order_id=st.just(ORDER), refund_id=refund_ids, actor=people, reason=st.just("y")
    ),
    st.builds(DenyRefund, order_id=st.just(ORDER), refund_id=refund_ids, actor=people, reason=st.just("n")),
    st.sampled_from(["gateway pays", "gateway refuses"]),
)


def answers(world: Memory, how: str) -> list[Answered]:
    """The gateway's word on every call that is open."""
    found = []
    for (entity, key), call in world.calls().items():
        paid = Refunded(call.payload.reference, f"re-{key}", call.payload.amount_minor, "EUR")
        no = Declined(call.payload.reference, "account closed")
        found.append(Answered(entity, key, paid if how == "gateway pays" else no))
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(acts, max_size=14))
def test_two_people_stand_behind_every_refund(done: list[object]) -> None:
    """Each refund that starts was asked for by one and approved by another; what is given back was captured."""
    given_so_far = LIMITED.given(*CAPTURED)
    happened: list[Event] = []
    for act in done:
        causes = answers(given_so_far.world, act) if isinstance(act, str) else [act]
        happened += given_so_far.when(*causes).events
    _two_behind_each(happened)
    payment = given_so_far.world.states[PAYMENT]
    assert 0 <= payment.refunded_minor <= payment.captured_minor
    assert payment.refundable_minor >= 0


def _two_behind_each(happened: list[Event]) -> None:
    waiting: RefundRequested | None = None
    agreed: RefundApproved | None = None
    for event in happened:
        match event:
            case RefundRequested():
                assert waiting is None, "a second request while one waits"
                waiting = event
            case RefundApproved() | RefundDenied():
                assert waiting is not None
                assert event.refund_id == waiting.refund_id
                assert not same_person(event.actor, waiting.actor)
                agreed = event if isinstance(event, RefundApproved) else None
                waiting = None
            case RefundStarted():
                assert agreed is not None, "money moves without a second person"
                assert agreed.refund_id == event.refund_id
                agreed = None
