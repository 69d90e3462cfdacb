"""python -m services.billing"""

from chassis.process import run
from services.billing.wiring import build

if __name__ == "__main__":
    run("billing", build)
