"""python -m services.shipping"""

from chassis.process import run
from services.shipping.wiring import build

if __name__ == "__main__":
    run("shipping", build)
