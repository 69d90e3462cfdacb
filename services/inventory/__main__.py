"""python -m services.inventory"""

from chassis.process import run
from services.inventory.wiring import build

if __name__ == "__main__":
    run("inventory", build)
