"""python -m services.orders"""

from chassis.process import run
from services.orders.wiring import build

if __name__ == "__main__":
    run("orders", build)
