"""python -m services.shipping"""

from chassis.service import run
from services.shipping.wiring import build

if __name__ == "__main__":
    run("shipping", build)
