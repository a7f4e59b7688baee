"""Workers: many companies, each in step, whatever becomes of one of them or of a worker."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cli.calling import call, edit, free_port, told
from engine.pair import Pair
from postgres import Server
from runtime.fleet import SECRET, served
from runtime.living import until
from runtime.test_alarming import chat
from syncline.project import load

NEVER = "3600"


async def _customer(both: Pair, name: str) -> dict[str, Any]:
    return await both.erp.create("customers", {"name": name})


async def _arrived(both: Pair, name: str) -> None:
    """Until Business Central has a customer of this name."""

    async def there() -> bool:
        return name in {each["displayName"] for each in await both.central.all("customers")}

    await until(there)


async def _requests(both: Pair, side: str) -> Counter[str]:
    """That a system was asked so far, by kind."""
    system = both.erp if side == "customerp" else both.central
    return Counter((await system.ask("GET", f"{both.addresses[side]}/sandbox/requests"))["requests"])


async def test_companies_are_kept_in_step_by_two_workers(tmp_path: Path, server: Server) -> None:
    async with served(tmp_path, server, "acme", "beta", "ceta") as fleet:
        with fleet.worker(), fleet.worker():
            for company in fleet.companies.values():
                await company.work(3)
            for company in fleet.companies.values():
                await company.in_step()
            told_of = await asyncio.to_thread(call, tmp_path, "companies", "--queue", fleet.queue, "--json")
            assert told_of.code == 0, told_of.out
            linked = {each["company"]: each["linked"] for each in told_of.json["companies"]}
            assert linked == {name: company.made for name, company in fleet.companies.items()}
        status = call(tmp_path / "beta", "status", "--json")
        assert status.code == 0
        assert status.json["flows"]["customers"]["linked"] == fleet.companies["beta"].made


async def test_what_a_system_announces_is_looked_at_at_once(tmp_path: Path, server: Server) -> None:
    """Nothing else would be looked at for an hour. The second company has webhooks of its own at the same place."""
    async with served(tmp_path, server, "acme", "beta") as fleet:
        listen = f"127.0.0.1:{free_port()}"
        for name, both in fleet.pairs.items():
            with (both.folder / "syncline.yaml").open("a") as file:
                file.write(f"\nwebhooks: {{url: 'http://{listen}/{name}', secret: HOOKS}}\n")
            await _customer(both, f"First of {name}")
        with fleet.worker("--webhooks", listen, "--every", NEVER, sweep=NEVER) as process:
            for name, both in fleet.pairs.items():
                await _arrived(both, f"First of {name}")
            await told(process, "customerp announces")
            await told(process, "customerp announces")
            for name, both in fleet.pairs.items():
                await _customer(both, f"Second of {name}")
            for name, both in fleet.pairs.items():
                await _arrived(both, f"Second of {name}")
            async with aiohttp.ClientSession() as session:
                async with session.post(f"http://{listen}/acme/customerp", data=b"guessed") as answer:
                    assert answer.status == 401
                for path in ("customerp", "ceta/customerp", "acme/other", ""):
                    async with session.post(f"http://{listen}/{path}") as answer:
                        assert answer.status == 404
            doctor = await asyncio.to_thread(call, tmp_path / "acme", "doctor", environment={"HOOKS": SECRET})
            assert doctor.code == 0, doctor.out


async def test_a_backfill_does_not_delay_another_company_s_edit(tmp_path: Path, server: Server) -> None:
    """Though there is one worker, which takes one turn at a time, and the backfill takes far longer than a turn."""
    async with served(tmp_path, server, "acme", "beta") as fleet:
        acme, beta = fleet.pairs["acme"], fleet.pairs["beta"]
        await asyncio.gather(*(_customer(acme, f"Customer {n}") for n in range(1_500)))
        slow = {"kind": "latency", "match": "$batch", "rate": 1.0, "seconds": 1.0}
        await acme.fail_by_chance("businesscentral", 1, [slow])
        with fleet.worker("--turns", "1"):

            async def begun() -> bool:
                return len(await acme.central.all("customers")) > 0

            await until(begun)
            await _customer(beta, "Between")
            await _arrived(beta, "Between")
            assert len(await acme.central.all("customers")) < 1_500


async def test_a_first_listing_does_not_delay_another_company_s_edit(tmp_path: Path, server: Server) -> None:
    """It takes as long as the system takes, and is not cut off: a turn that lists has no place that others wait for."""
    async with served(tmp_path, server, "acme", "beta") as fleet:
        acme, beta = fleet.pairs["acme"], fleet.pairs["beta"]
        await _customer(acme, "There")
        await acme.fail_by_chance("customerp", 1, [{"kind": "latency", "rate": 1.0, "seconds": 30.0}])
        aside = tmp_path.parent / f"{tmp_path.name}-acme"
        shutil.move(acme.folder, aside)
        with fleet.worker("--turns", "1"):
            await _customer(beta, "First")
            await _arrived(beta, "First")
            before = (await _requests(acme, "businesscentral")).total()
            shutil.move(aside, acme.folder)

            async def is_listed() -> bool:
                return (await _requests(acme, "businesscentral")).total() > before

            await until(is_listed)
            await _customer(beta, "Between")
            await _arrived(beta, "Between")
            with load(acme.folder).open_store() as store:
                assert not store.listed("customers", "customerp")
            await acme.fail_by_chance("customerp", 1, [])


async def test_a_company_whose_files_are_wrong_holds_up_no_other_and_is_served_once_they_are_right(
    tmp_path: Path, server: Server
) -> None:
    async with served(tmp_path, server, "acme", "beta") as fleet:
        flow = fleet.pairs["acme"].folder / "flows" / "customers.yaml"
        edit(flow, "delete: ask", "delete: perhaps")
        for name, both in fleet.pairs.items():
            await _customer(both, f"Of {name}")
        with fleet.worker() as process:
            line = await told(process, "customers.yaml")
            assert "acme: " in line
            await _arrived(fleet.pairs["beta"], "Of beta")
            told_of = await asyncio.to_thread(call, tmp_path, "companies", "--queue", fleet.queue, "--trouble")
            assert told_of.code == 1
            assert "customers.yaml" in told_of.out
            assert "beta" not in told_of.out
            edit(flow, "delete: perhaps", "delete: ask")
            await _arrived(fleet.pairs["acme"], "Of acme")


async def test_a_store_in_a_file_is_refused_with_the_mend(tmp_path: Path, server: Server) -> None:
    async with served(tmp_path, server, "acme") as fleet:
        edit(fleet.pairs["acme"].folder / "syncline.yaml", "store: postgresql", "store: sqlite:///s.db #")
        with fleet.worker() as process:
            assert "is a file, and workers need it in PostgreSQL. Move it: syncline store move" in await told(
                process, "PostgreSQL"
            )


async def test_a_webhook_s_address_that_names_another_company_is_refused(tmp_path: Path, server: Server) -> None:
    async with served(tmp_path, server, "acme") as fleet:
        with (fleet.pairs["acme"].folder / "syncline.yaml").open("a") as file:
            file.write("\nwebhooks: {url: 'http://127.0.0.1:1/hooks', secret: HOOKS}\n")
        with fleet.worker() as process:
            assert "Write http://127.0.0.1:1/hooks/acme" in await told(process, "must end with /acme")


async def test_a_refused_sign_in_is_not_repeated_until_somebody_says_so(tmp_path: Path, server: Server) -> None:
    """To ask on may lock the account; and the other company goes on."""
    async with served(tmp_path, server, "acme", "beta") as fleet:
        acme, beta = fleet.pairs["acme"], fleet.pairs["beta"]
        with fleet.worker():
            await _customer(acme, "First")
            await _arrived(acme, "First")
            await acme.fail("customerp", {"kind": "401", "times": 1_000})

            async def refused() -> bool:
                told_of = await asyncio.to_thread(call, tmp_path, "companies", "--queue", fleet.queue, "--json")
                return "sign-in" in told_of.json["companies"][0]["trouble"]

            await until(refused)
            before = await _requests(acme, "customerp")
            await fleet.companies["beta"].work(3)
            await fleet.companies["beta"].in_step()
            assert await _requests(acme, "customerp") == before
            await acme.fail("customerp")
        with fleet.worker():
            await _customer(acme, "Second")
            await _customer(beta, "Other")
            await _arrived(beta, "Other")
            assert await _requests(acme, "customerp") - before == {"POST customers": 1}  # what the test itself asked
            taken = await asyncio.to_thread(call, acme.folder, "reload")
            assert taken.code == 0, taken.err
            await _arrived(acme, "Second")


async def test_files_are_read_again_when_somebody_asks(tmp_path: Path, server: Server) -> None:
    async with served(tmp_path, server, "acme") as fleet:
        both = fleet.pairs["acme"]
        with fleet.worker():
            await _customer(both, "First")
            await _arrived(both, "First")
            edit(both.folder / "flows" / "customers.yaml", "delete: ask", "delete: perhaps")
            refused = await asyncio.to_thread(call, both.folder, "reload")
            assert refused.code != 0
            assert "perhaps" in refused.err
            await _customer(both, "Second")
            await _arrived(both, "Second")
            edit(both.folder / "flows" / "customers.yaml", "delete: perhaps", "delete: ask")
            (both.folder / "flows" / "contacts.yaml").unlink()
            taken = await asyncio.to_thread(call, both.folder, "reload")
            assert taken.code == 0, taken.err
            await both.erp.create("contacts", {"firstName": "Aino", "lastName": "Aalto"})
            await _customer(both, "Third")
            await _arrived(both, "Third")
            assert not [each for each in await both.central.all("contacts") if "Aino" in each["displayName"]]


async def test_a_company_that_comes_is_served_and_one_that_went_is_not(tmp_path: Path, server: Server) -> None:
    async with served(tmp_path, server, "acme", "beta") as fleet:
        beta = fleet.pairs["beta"]
        shutil.move(beta.folder, tmp_path.parent / f"{tmp_path.name}-beta")
        with fleet.worker():
            shutil.move(tmp_path.parent / f"{tmp_path.name}-beta", beta.folder)
            await _customer(beta, "Late")
            await _arrived(beta, "Late")
            shutil.move(beta.folder, tmp_path.parent / f"{tmp_path.name}-beta")
            await asyncio.sleep(1)
            before = await _requests(beta, "customerp")
            await asyncio.sleep(1)
            assert await _requests(beta, "customerp") == before
        shutil.move(tmp_path.parent / f"{tmp_path.name}-beta", beta.folder)


async def test_a_pass_by_hand_and_a_worker_wait_for_each_other(tmp_path: Path, server: Server) -> None:
    async with served(tmp_path, server, "acme") as fleet:
        company, both = fleet.companies["acme"], fleet.pairs["acme"]
        with fleet.worker():
            working = asyncio.create_task(company.work(10))
            codes = [(await asyncio.to_thread(call, both.folder, "sync")).code for _ in range(5)]
            await working
            await company.in_step()
        assert set(codes) <= {0, 4}


async def test_it_tells_how_it_does(tmp_path: Path, server: Server) -> None:
    async with served(tmp_path, server, "acme", "beta") as fleet, aiohttp.ClientSession() as session:
        at = f"http://127.0.0.1:{free_port()}"
        with fleet.worker("--health", at.removeprefix("http://")):
            await _customer(fleet.pairs["beta"], "Any")
            await _arrived(fleet.pairs["beta"], "Any")

            async def health() -> dict[str, Any]:
                async with session.get(f"{at}/health") as answer:
                    found: dict[str, Any] = await answer.json()
                    return found

            async def both_known() -> bool:
                return bool((await health())["companies"] == 2)

            await until(both_known)
            assert (await health())["status"] == "ok"

            async def counted() -> bool:
                async with session.get(f"{at}/metrics") as answer:
                    metrics = await answer.text()
                assert "syncline_companies 2.0" in metrics
                return 'syncline_writes_total{flow="customers",side="businesscentral",verb="create"} 1.0' in metrics

            await until(counted)
            await fleet.pairs["acme"].fail("businesscentral", {"kind": "503", "times": 1_000, "retryAfter": 600})

            async def failing() -> bool:
                return bool((await health())["failing"] == ["acme"])

            await until(failing)
            assert (await health())["status"] == "degraded"


async def test_a_worker_that_is_told_to_stop_leaves_nothing_half(tmp_path: Path, server: Server) -> None:
    async with served(tmp_path, server, "acme") as fleet:
        company = fleet.companies["acme"]
        for _ in range(4):
            with fleet.worker():
                await company.work(2)
        with fleet.worker():
            await company.in_step()


async def test_people_are_told_of_a_company_that_fails(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(tmp_path, server, "acme", "beta") as fleet, chat() as (url, told_of):
        monkeypatch.setenv("CHAT", url)
        acme = fleet.pairs["acme"]
        with (acme.folder / "syncline.yaml").open("a") as file:
            file.write("\nalerts: {failures: 2, for: 0s, webhook: CHAT}\n")
        with fleet.worker() as process:
            await _customer(acme, "First")
            await _arrived(acme, "First")
            await acme.fail("businesscentral", {"kind": "503", "times": 1_000, "retryAfter": 600})
            await told(process, "acme: businesscentral")
            await until(lambda: told_of.posts)
            assert [(post["project"], post["about"], post["well"]) for post in told_of.posts] == [
                ("acme", "failures", False)
            ]
