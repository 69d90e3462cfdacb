"""One seed, one history: which of the things that may happen happens next, until it is calm again.

A seed draws first how bad the day is (each kind of fault is on or off, and how often), then some hundreds of steps.
Then everything is healed and drained: whatever is still open after that is a fault of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from chassis.frames import Frame
from contracts.parking import SERVICES
from tests.simulation.bus import FATES
from tests.simulation.orders import Workload, workload
from tests.simulation.process import Process
from tests.simulation.world import World

STEPS = (200, 600)
ROUNDS_MAX = 400
"""Rounds of work after healing, in each of which everybody does all there is to do."""
CALM_SECONDS = 20
"""How much time a round takes: enough for whatever is announced or handed over by a timer."""


@dataclass(frozen=True)
class Weather:
    """How often each kind of fault comes, of the chances it has."""

    crash: float
    refusal: float
    ack_lost: float
    message_lost: float
    publish_lost: float
    jump: float
    take_over: float
    restore: float
    rebuild: float
    stream_loss: float


def drawn_weather(random: Random) -> Weather:
    """Each fault is off on a third of the days. A store set back and a stream cut off never meet on one day: where
    both copies of an event are gone, nobody can bring it back.
    """

    def often(most: float) -> float:
        return random.choice((0.0, most / 3, most))

    copies = random.choice(("store", "stream", "neither"))
    return Weather(
        crash=often(0.2),
        refusal=often(0.05),
        ack_lost=often(0.3),
        message_lost=often(0.1),
        publish_lost=often(0.3),
        jump=often(0.03),
        take_over=often(0.02),
        restore=0.02 if copies == "store" else 0.0,
        rebuild=often(0.02),
        stream_loss=0.02 if copies == "stream" else 0.0,
    )


class Schedule:
    """Draws the steps of one world."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = World(self.random)
        self.work: Workload = workload(self.random, self.world.shop)
        self.weather = drawn_weather(self.random)
        self._to_request: list = [*self.work.opening, *self.work.requests]
        mood, random = self.world.outside.mood, self.random
        mood.declines, mood.fails, mood.answers_lost = (random.choice((0, 0.2)) for _ in range(3))

    def run(self) -> World:
        """The whole day, then the calm after it. Raises `NeverCalm`."""
        for _ in range(self.random.randint(*STEPS)):
            self.step()
        self.heal()
        self.drain()
        return self.world

    def step(self) -> None:
        """The next thing."""
        world, draw, weather = self.world, self.random.random, self.weather
        world.pass_time(timedelta(milliseconds=self.random.randint(1, 500)))
        if draw() < weather.jump:
            world.note("clock jumped")
            world.pass_time(timedelta(minutes=self.random.choice((1, 10, 45, 90, 60 * 24))))
        if draw() < 0.3:
            self._from_outside()
        name = self.random.choice(SERVICES)
        process = world.processes.get(name)
        if process is None:
            self._absent(name)
            return
        if world.zombies and draw() < 0.3:
            process = self.random.choice(world.zombies)
        if self._disaster(name):
            return
        self._threaten()
        world.run(process, self._drawn_act(process))

    def _from_outside(self) -> None:
        """A channel posts, a client asks, or something that was long on the way arrives."""
        world = self.world
        late = [stream for stream in world.bus.streams.values() if stream.late]
        if late and self.random.random() < 0.5:
            stream = self.random.choice(late)
            world.note("late publish arrived")
            stream.land(self.random.randrange(len(stream.late)))
        elif self.work.posts and self.random.random() < 0.7:
            self.post()
        elif self._to_request and self.random.random() < 0.7:
            request = self._to_request.pop(0)
            world.requests.append(request)
            world.send(request)
        elif again := [request for request in world.requests if request.open]:
            world.send(self.random.choice(again))

    def post(self) -> None:
        """A channel's next message is on CHANNELS."""
        subject, body = self.work.posts.pop()
        self.world.bus.streams["CHANNELS"].take([Frame(subject.encode(), b"", body)])

    def _absent(self, name: str) -> None:
        if name not in self.world.stopped:
            self.world.start(name)
        elif self.random.random() < 0.1:
            self.world.bring_back(name)

    def _threaten(self) -> None:
        """Whatever is done next may be the end of who does it."""
        if self.random.random() < self.weather.crash:
            self.world.doom = self.random.randint(1, 5)
        self.world.store_refuses = self.random.random() < self.weather.refusal

    def _disaster(self, name: str) -> bool:
        world, weather, draw = self.world, self.weather, self.random.random
        if name not in world.backups and draw() < 0.05:
            world.back_up(name)
        if name in world.backups and name not in world.newest and draw() < weather.restore:
            world.restore(name)
        elif draw() < weather.rebuild:
            world.rebuild(name)
        elif draw() < weather.stream_loss:
            world.lose_tail(name, self.random.randint(1, 30))
        elif draw() < weather.take_over:
            world.take_over(name)
        else:
            return False
        return True

    def _drawn_act(self, process: Process) -> Callable[[], None]:
        """Something this process can do now."""
        random, weather = self.random, self.weather
        acts: list[Callable[[], None]] = [process.look_at_timers]
        if process not in self.world.zombies:
            acts += [lambda stream=stream: self._pull(process, stream) for stream in process.pullable()]
        if process.queue:
            groups = random.randint(1, len(process.queue))
            decide = lambda: process.decide(groups, ack_lost=random.random() < weather.ack_lost)  # noqa: E731
            acts += [decide] * 3
        acts += [lambda: self._publish(process)] * (2 if process.behind else 1)
        if waiting := process.calls.waiting():
            acts += [lambda: process.calls.begin(random.choice(waiting))] * 2
        if process.calls.answers:
            acts.append(lambda: process.calls.end(random.randrange(len(process.calls.answers))))
        return random.choice(acts)

    def _pull(self, process: Process, stream: str) -> None:
        if self.random.random() < self.weather.ack_lost:
            process.bus.consumers[process.name, stream].redeliver()
        lost = self.random.random() < self.weather.message_lost
        process.pull(stream, self.random.choice((1, 3, 10)), self.random.randrange(3) if lost else None)

    def _publish(self, process: Process) -> None:
        if self.random.random() < self.weather.publish_lost:
            process.publisher.fate = [self.random.choice(FATES)]
        process.publish(look=self.random.random() < 0.3)

    def heal(self) -> None:
        """Everything that was broken is whole again, and what was still to happen happens."""
        world = self.world
        mood = world.outside.mood
        mood.fails = mood.answers_lost = 0.0
        for stream in world.bus.streams.values():
            stream.land_all()
        while self.work.posts:
            self.post()
        world.requests += self._to_request
        self._to_request = []
        for process in (*world.zombies, *world.processes.values()):
            process.reconnect()

    def days_later(self) -> None:
        """Every promise and every hold runs out; then it is calm again."""
        self.world.pass_time(timedelta(days=8))
        self.drain()

    def drain(self) -> None:
        """Everybody does what there is to do, until nobody has anything left."""
        world, calm = self.world, 0
        for _ in range(ROUNDS_MAX):
            calm = 0 if self._round() else calm + 1
            if calm == 3:
                return
            world.pass_time(timedelta(seconds=CALM_SECONDS))
        world.faults.append(f"not calm after {ROUNDS_MAX} rounds")

    def _round(self) -> bool:
        """One round; whether anything happened in it."""
        world = self.world
        before = self._reached()
        for name in tuple(world.stopped):
            world.bring_back(name)
        for name in SERVICES:
            if name not in world.processes:
                world.start(name)
        for request in world.requests:
            if request.open:
                world.send(request)
        for process in (*world.zombies, *world.processes.values()):
            reads = process not in world.zombies
            world.run(process, lambda process=process, reads=reads: _everything(process, reads=reads))
        return self._reached() != before

    def _reached(self) -> tuple:
        world = self.world
        return (
            [store.last_position() for store in world.stores.values()],
            [sorted(store.positions().items()) for store in world.stores.values()],
            [len(stream.messages) for stream in world.bus.streams.values()],
            sum(request.open for request in world.requests),
            [(name, len(p.queue), len(p.calls.answers)) for name, p in world.processes.items()],
        )


def _everything(process: Process, *, reads: bool) -> None:
    for stream in process.pullable() if reads else ():
        process.bus.consumers[process.name, stream].redeliver()
        process.pull(stream, 100)
    process.look_at_timers()
    while process.queue:
        process.decide(len(process.queue))
    process.publish(look=True)
    for key in process.calls.waiting():
        process.calls.begin(key)
    while process.calls.answers:
        process.calls.end(0)
    while process.queue:
        process.decide(len(process.queue))
    process.publish()
