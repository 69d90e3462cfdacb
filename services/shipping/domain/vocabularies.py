"""What carriers and aggregators call a milestone, as tables. An unknown word is `unknown`, never an error.

Sources: reference 4.2; the aggregators' published status lists (Karrio tracker statuses and incident reasons,
EasyPost tracker statuses, AfterShip delivery statuses and sub-statuses, Shippo tracking statuses).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from contracts.shipping import Milestone

OWN = {milestone.value: milestone for milestone in Milestone}

KARRIO = {
    "pending": Milestone.LABEL_CREATED,
    "picked_up": Milestone.PICKED_UP,
    "in_transit": Milestone.IN_TRANSIT,
    "delivery_delayed": Milestone.DELAYED,
    "on_hold": Milestone.ON_HOLD,
    "out_for_delivery": Milestone.OUT_FOR_DELIVERY,
    "delivery_failed": Milestone.ATTEMPT_FAILED,
    "ready_for_pickup": Milestone.READY_FOR_PICKUP,
    "delivered": Milestone.DELIVERED,
    "return_to_sender": Milestone.RETURN_TO_SENDER,
    "cancelled": Milestone.VOID,
    "carrier_sorting_error": Milestone.DELAYED,
    "carrier_vehicle_issue": Milestone.DELAYED,
    "carrier_not_enough_time": Milestone.DELAYED,
    "weather_delay": Milestone.DELAYED,
    "natural_disaster": Milestone.DELAYED,
    "delivery_exception_hold": Milestone.ON_HOLD,
    "customs_delay": Milestone.CUSTOMS,
    "customs_documentation": Milestone.CUSTOMS,
    "customs_duties_unpaid": Milestone.CUSTOMS,
    "carrier_address_not_found": Milestone.ATTEMPT_FAILED,
    "consignee_refused": Milestone.ATTEMPT_FAILED,
    "consignee_business_closed": Milestone.ATTEMPT_FAILED,
    "consignee_not_available": Milestone.ATTEMPT_FAILED,
    "consignee_not_home": Milestone.ATTEMPT_FAILED,
    "consignee_incorrect_address": Milestone.ATTEMPT_FAILED,
    "consignee_access_restricted": Milestone.ATTEMPT_FAILED,
    "carrier_parcel_lost": Milestone.LOST,
    "carrier_damaged_parcel": Milestone.DAMAGED,
}

EASYPOST = {
    "pre_transit": Milestone.LABEL_CREATED,
    "in_transit": Milestone.IN_TRANSIT,
    "out_for_delivery": Milestone.OUT_FOR_DELIVERY,
    "failure": Milestone.ATTEMPT_FAILED,
    "available_for_pickup": Milestone.READY_FOR_PICKUP,
    "delivered": Milestone.DELIVERED,
    "return_to_sender": Milestone.RETURN_TO_SENDER,
    "cancelled": Milestone.VOID,
}

AFTERSHIP = {
    "pending": Milestone.LABEL_CREATED,
    "inforeceived": Milestone.LABEL_CREATED,
    "intransit": Milestone.IN_TRANSIT,
    "outfordelivery": Milestone.OUT_FOR_DELIVERY,
    "attemptfail": Milestone.ATTEMPT_FAILED,
    "availableforpickup": Milestone.READY_FOR_PICKUP,
    "delivered": Milestone.DELIVERED,
    "exception": Milestone.ON_HOLD,
    "expired": Milestone.EXPIRED,
    "exception_004": Milestone.CUSTOMS,
    "exception_005": Milestone.DELAYED,
    "exception_010": Milestone.RETURN_TO_SENDER,
    "exception_011": Milestone.RETURNED,
    "exception_012": Milestone.DAMAGED,
    "exception_013": Milestone.LOST,
}

SHIPPO = {
    "pre_transit": Milestone.LABEL_CREATED,
    "transit": Milestone.IN_TRANSIT,
    "delivered": Milestone.DELIVERED,
    "returned": Milestone.RETURN_TO_SENDER,
    "failure": Milestone.ATTEMPT_FAILED,
}

VOCABULARIES: Mapping[str, Mapping[str, Milestone]] = MappingProxyType(
    {
        "sandbox": OWN,
        "karrio": KARRIO,
        "easypost": EASYPOST,
        "aftership": AFTERSHIP,
        "shippo": SHIPPO,
    }
)
"""By name; `sandbox`, whose words are our own milestones, also serves carriers without a vocabulary."""


def milestone_of(vocabulary: str, code: str) -> Milestone:
    """What a carrier's status word means, upper or lower case. An AfterShip sub-status falls back to its status."""
    words = VOCABULARIES.get(vocabulary, OWN)
    word = code.strip().lower()
    known = words.get(word) or words.get(word.split("_0")[0])
    return known or Milestone.UNKNOWN
