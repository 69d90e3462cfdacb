"""python -m services.notify"""

from chassis.process import run
from services.notify.wiring import build

if __name__ == "__main__":
    run("notify", build)
