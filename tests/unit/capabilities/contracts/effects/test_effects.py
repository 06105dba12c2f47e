"""Effects: commands of a closed list, given once or refused once; messages, sent, postponed, dead, retried."""

from __future__ import annotations

from typing import Any

import pytest

from telesphor.capabilities.contracts.effects.connectors import SendFailed, SendRefused
from telesphor.capabilities.contracts.effects.desk import RetryEffect, _Spoken
from telesphor.capabilities.contracts.effects.model import EFFECT_COMMANDS, EffectMissing
from telesphor.capabilities.contracts.model import ManifestRefused
from telesphor.capabilities.contracts.runner.sending import PAUSES_SECONDS
from telesphor.capabilities.identity.model import NotPermitted
from telesphor.runtime.capability import Body, CommandType, Decision, Receipt, UnknownCommand
from telesphor.runtime.requests import QueueFull
from tests.unit.capabilities.contracts.workshop import Inbox, Workshop, manifest_text

GO = '[[triggers]]\non = "call"\nname = "go"\ncallers = ["person"]\nargument = { key = "text?", n = "integer?" }\n'


def asking(shop: Workshop, effects: str, *, commands: tuple[str, ...] = (), name: str = "asker") -> str:
    """A contract whose call returns these effects."""
    source = (
        f'def handle(state, trigger):\n    got = trigger["call"]["argument"]\n    return {{}}, [{effects}]\n'
    )
    listed = ", ".join(f'"{one}"' for one in commands)
    text = manifest_text(name, f'commands = [{listed}]\nconnectors = ["out", "other"]\n{GO}')
    return shop.deploy(source, text)


def run(shop: Workshop, contract: str, **argument: Any) -> None:
    assert shop.call(contract, name="go", **argument).outcome == "executed"
    shop.settle()


def refusal(shop: Workshop) -> Any:
    (refused,) = shop.of_type("effect.refused/1")
    assert not shop.of_type("effect.done/1")
    return refused.body


@pytest.mark.parametrize("command", ["token.mint/1", "actor.register/1", "object.erase/1", "visit.close/1"])
def test_command_that_is_not_in_the_closed_list_is_not_even_deployed(shop: Workshop, command: str) -> None:
    assert command not in EFFECT_COMMANDS
    with pytest.raises(ManifestRefused):
        asking(shop, "", commands=(command,))


def test_command_that_left_the_closed_list_since_is_refused(shop: Workshop) -> None:
    shop.effects._commands = {}
    run(shop, asking(shop, 'command("alert.raise/1", {})', commands=("alert.raise/1",)))
    assert refusal(shop).code == "effect-not-permitted"


@pytest.mark.parametrize("type", ["trigger.skipped/1", "contract.executed/1"])
def test_contract_that_would_react_to_runs_is_not_deployed(shop: Workshop, type: str) -> None:
    """A skipped trigger that is one itself would begin the chain anew."""
    with pytest.raises(ManifestRefused):
        manifest_text("looping", f'[[triggers]]\non = "entry"\ntype = "{type}"\n')


@pytest.mark.parametrize(
    "body", ["{}", '{"level": "loud", "code": "x"}', '{"level": "warning", "code": "Jane Doe"}',
             '{"level": "warning", "code": "x", "about": ["Jane Doe"]}', '{"level": "warning", "code": "x", "more": 1}']
)  # fmt: skip
def test_body_that_is_not_of_its_command_is_refused(shop: Workshop, body: str) -> None:
    run(shop, asking(shop, f'command("alert.raise/1", {body})', commands=("alert.raise/1",)))
    assert refusal(shop).code == "effect-malformed"
    assert b"Jane" not in shop.last().data


def test_what_the_rules_of_a_command_refuse_is_said_once_and_not_tried_again(shop: Workshop) -> None:
    body = f'{{"token": "{shop.world.ids.next()}"}}'
    contract = asking(shop, f'command("token.revoke/1", {body})', commands=("token.revoke/1",))
    run(shop, contract)
    said = refusal(shop)
    assert (said.code, said.made) == ("token-missing", 1)
    assert shop.world.entries()[-2].type == "token.refused/1", "what the command itself records is kept"
    shop.reopen(forget_queue=True)
    shop.settle()
    assert len(shop.of_type("effect.refused/1", "token.refused/1")) == 2


def test_refused_effect_does_not_hold_up_the_next(shop: Workshop) -> None:
    effects = 'command("token.revoke/1", {}), command("alert.raise/1", {"level": "warning", "code": "x"})'
    run(shop, asking(shop, effects, commands=("token.revoke/1", "alert.raise/1")))
    assert [entry.body.index for entry in shop.of_type("effect.refused/1", "effect.done/1")] == [0, 1]


def test_command_whose_decision_breaks_is_refused_and_not_tried_for_ever(shop: Workshop) -> None:
    tried = 0

    def broken(*_: object) -> Decision:
        nonlocal tried
        tried += 1
        raise ZeroDivisionError

    raising = shop.effects._commands["alert.raise/1"]
    shop.effects._commands = {"alert.raise/1": CommandType(raising.name, raising.body, broken)}
    command = 'command("alert.raise/1", {"level": "warning", "code": "x"})'
    run(shop, asking(shop, command, commands=("alert.raise/1",)))
    shop.settle()
    assert refusal(shop).code == "decision-failed"
    assert tried == 1


def test_alert_names_the_contract_that_asked_whatever_it_says_itself(shop: Workshop) -> None:
    other = asking(shop, "", name="other")
    body = f'{{"level": "warning", "code": "x", "contract": "{other}"}}'
    contract = asking(shop, f'command("alert.raise/1", {body})', commands=("alert.raise/1",))
    run(shop, contract)
    (raised,) = shop.of_type("alert.raised/1")
    assert raised.body.contract == contract


def test_nobody_gives_the_words_of_the_desk(shop: Workshop) -> None:
    for command in ("alert.raise/1", "effect.say/1", "trigger.skip/1"):
        with pytest.raises(UnknownCommand):
            shop.world.ask(shop.hospital, (command, {}))
    with pytest.raises(NotPermitted):
        shop.record(shop.effects._say, _Spoken(execution=1, index=0))


def test_command_that_cannot_be_given_now_is_given_later_and_once(shop: Workshop) -> None:
    contract = asking(
        shop, 'command("alert.raise/1", {"level": "warning", "code": "x"})', commands=("alert.raise/1",)
    )
    record, full = shop.world.record_own_word, True

    def say(command: CommandType, body: Body) -> Receipt:
        if full and command.name == "effect.say/1":
            raise QueueFull("full")
        return record(command, body)

    shop.record = say  # type: ignore[method-assign]
    shop.call(contract, name="go")
    with pytest.raises(QueueFull):
        shop.settle()
    assert not shop.of_type("effect.refused/1")
    full = False
    shop.settle()
    assert len(shop.of_type("alert.raised/1")) == 1


def test_commands_of_a_run_are_given_before_its_messages_leave(shop: Workshop) -> None:
    effects = 'send("out", {"n": 1}), command("alert.raise/1", {"level": "warning", "code": "x"})'
    contract = asking(shop, effects, commands=("alert.raise/1",))
    raised: list[int] = []
    shop.inbox.fail = lambda: raised.append(len(shop.of_type("alert.raised/1")))
    run(shop, contract)
    assert raised == [1]


def test_message_that_fails_is_sent_again_after_growing_pauses_and_then_dead(shop: Workshop) -> None:
    tried = 0

    def fail() -> None:
        nonlocal tried
        tried += 1
        raise SendFailed("not now")

    contract = asking(shop, 'send("out", {"n": 1})')
    shop.inbox.fail = fail
    run(shop, contract)
    for number, pause in enumerate(PAUSES_SECONDS, start=1):
        shop.settle()
        assert tried == number
        shop.reopen()
        shop.pass_ms(pause * 1_000)
        shop.settle()
    (dead,) = shop.of_type("effect.dead/1")
    assert (dead.body.code, dead.body.attempts) == ("send-failed", len(PAUSES_SECONDS) + 1)
    assert tried == len(PAUSES_SECONDS) + 1
    assert sorted(PAUSES_SECONDS) == list(PAUSES_SECONDS)
    assert [row.code for row in shop.effects.dead_letters()] == ["send-failed"]


def dead_letter(shop: Workshop) -> dict[str, Any]:
    """A message that the receiver refused."""
    contract = asking(shop, 'send("out", {"n": 1})')

    def refuse() -> None:
        raise SendRefused("never")

    shop.inbox.fail = refuse
    run(shop, contract)
    (dead,) = shop.of_type("effect.dead/1")
    return {"contract": contract, "execution": dead.body.execution, "index": dead.body.index}


def test_message_that_the_receiver_refuses_is_dead_at_once_until_somebody_has_it_retried(
    shop: Workshop,
) -> None:
    letter = dead_letter(shop)
    shop.settle()
    assert len(shop.of_type("effect.dead/1")) == 1
    shop.inbox.fail = lambda: None
    shop.world.ask(shop.hospital, ("effect.retry/1", letter))
    shop.settle()
    assert len(shop.inbox.messages) == 1
    assert shop.types()[-2:] == ["effect.retried/1", "effect.done/1"]
    assert shop.effects.dead_letters() == []
    with pytest.raises(EffectMissing):
        shop.world.ask(shop.hospital, ("effect.retry/1", letter))


def test_letter_that_is_retried_may_die_again(shop: Workshop) -> None:
    letter = dead_letter(shop)
    shop.world.ask(shop.hospital, ("effect.retry/1", letter))
    shop.reopen(forget_queue=True)
    shop.settle()
    assert len(shop.of_type("effect.dead/1")) == 2
    shop.world.ask(shop.hospital, ("effect.retry/1", letter))


def test_person_has_no_letter_retried_and_nobody_one_that_is_not_dead(shop: Workshop) -> None:
    letter = dead_letter(shop)
    with pytest.raises(NotPermitted):
        shop.world.ask(shop.clinician, ("effect.retry/1", letter))
    other = asking(shop, "", name="other")
    for wrong in ({"contract": other}, {"index": 1}, {"execution": 0}):
        with pytest.raises(EffectMissing):
            shop.world.ask(shop.hospital, ("effect.retry/1", letter | wrong))
    assert RetryEffect.__struct_fields__ == ("contract", "execution", "index")


def test_message_that_waits_holds_up_its_own_key_alone(shop: Workshop) -> None:
    contract = asking(shop, 'send("out", {"n": got["n"]}, key = got["key"])')
    down = True

    class Picky(Inbox):
        def send(self, idempotency_key: str, message: Any) -> None:
            if down and message["n"] == 1:
                raise SendFailed("not now")
            super().send(idempotency_key, message)

    shop.connectors["out"] = picky = Picky()
    shop.reopen()
    for key, n in (("a", 1), ("a", 2), ("b", 3)):
        shop.call(contract, name="go", key=key, n=n)
    shop.settle()
    assert [message["n"] for message in picky.messages] == [3]
    down = False
    shop.pass_ms(60_000)
    shop.settle()
    assert [message["n"] for message in picky.messages] == [3, 1, 2]


def test_connector_that_no_settings_name_makes_a_dead_letter_that_can_be_sent_later(shop: Workshop) -> None:
    run(shop, asking(shop, 'send("other", {"n": 1})'))
    (dead,) = shop.of_type("effect.dead/1")
    assert dead.body.code == "connector-missing"
    shop.connectors["other"] = other = Inbox()
    shop.reopen()
    letter = {"contract": dead.stream.split("/")[1], "execution": dead.body.execution, "index": 0}
    shop.world.ask(shop.hospital, ("effect.retry/1", letter))
    shop.settle()
    assert other.messages == [{"n": 1}]


def test_connector_that_breaks_is_asked_again_and_ends_nothing(shop: Workshop) -> None:
    contract = asking(shop, 'send("out", {"n": 1})')

    def broken() -> None:
        raise ZeroDivisionError

    shop.inbox.fail = broken
    run(shop, contract)
    shop.inbox.fail = lambda: None
    shop.pass_ms(60_000)
    shop.settle()
    assert len(shop.inbox.messages) == 1


def test_effects_of_a_run_are_carried_out_when_the_contract_is_retired_since(shop: Workshop) -> None:
    contract = asking(shop, 'send("out", {"n": 1})')
    shop.call(contract, name="go")
    shop.world.ask(shop.hospital, ("contract.retire/1", {"contract": contract, "reason": "replaced"}))
    shop.settle()
    assert len(shop.inbox.messages) == 1


def test_effects_whose_document_is_forgotten_are_refused(shop: Workshop) -> None:
    contract = asking(shop, 'send("out", {"n": 1}), send("out", {"n": 2})')
    shop.call(contract, name="go")
    output, kept = shop.last().body.output, shop.document
    shop.document = lambda digest: None if digest == output else kept(digest)  # type: ignore[method-assign]
    shop.reopen()
    shop.settle()
    assert [entry.body.code for entry in shop.of_type("effect.refused/1")] == ["document-forgotten"] * 2


def test_key_of_a_message_is_the_same_whenever_it_is_sent(shop: Workshop) -> None:
    contract = asking(shop, 'send("out", {"n": 1}), send("out", {"n": 2})')
    run(shop, contract)
    (executed,) = shop.of_type("contract.executed/1")
    assert [key for key, _ in shop.inbox.got] == [f"{executed.id}.0", f"{executed.id}.1"]
