#!/usr/bin/env python3
"""Tenants, plans, projects, quotas, usage, audit trail and events through the tool."""
import contextlib
import json
import os
import sqlite3

from tool import TIME, ToolTest, main

ID = "[0-9a-hjkmnp-tv-z]{26}"


class Tenants(ToolTest):
    def test_life_of_a_tenant(self):
        self.assertIn("PLAN", self.text("tenant", "plans"))
        plans = {plan["name"]: plan for plan in self.json("tenant", "plans")}
        self.assertEqual(plans["studio/basic"]["limits"]["projects"], 5)
        self.assertEqual(plans["studio/professional"]["price"], {"minor": 49900, "currency": "USD"})

        made = self.json("tenant", "create", "Köln & Söhne", "--plan", "studio/basic", "--zone", "Europe/Berlin",
                         "--anchor-day", "15")
        self.assertRegex(made["id"], f"^ten_{ID}$")
        self.assertEqual((made["slug"], made["zone"], made["anchor_day"], made["state"]),
                         ("k-ln-s-hne", "Europe/Berlin", 15, "active"))
        self.assertRegex(made["created_at"], TIME)
        self.assertIsNone(made["trial_ends_at"])

        trial = self.json("tenant", "create", "東京スタジオ", "--slug", "tokyo", "--plan", "business/starter", "--trial")
        self.assertEqual(trial["state"], "trial")
        self.assertRegex(trial["trial_ends_at"], TIME)

        rows = self.assertTable(self.text("tenant", "list"), "SLUG", "NAME", "PLAN", "STATE", "CREATED", "ID")
        self.assertEqual(len(rows), 2)
        self.assertEqual(self.text("tenant", "list", "--quiet").split(), [made["id"], trial["id"]])
        self.assertEqual([t["slug"] for t in self.json("tenant", "list", "--state", "trial")], ["tokyo"])
        self.assertEqual(len(self.json("tenant", "list", "--limit", "1")), 1)
        self.assertEqual(self.json("tenant", "show", "tokyo"), self.json("tenant", "show", trial["id"]))
        self.assertIn("Europe/Berlin", self.text("tenant", "show", "--tenant", "k-ln-s-hne"))

        self.assertIn("--reason", self.tool("tenant", "suspend", "tokyo", code=2)[1])
        self.assertEqual(self.json("tenant", "suspend", "tokyo", "--reason", "unpaid")["state"], "suspended")
        refusal = self.error("--tenant", "tokyo", "project", "create", "x", code=13)
        self.assertEqual(refusal["code"], "permission_denied")
        self.assertEqual(self.json("--tenant", "tokyo", "project", "list"), [])
        self.assertEqual(self.json("tenant", "resume", "tokyo", "--reason", "paid")["state"], "trial")

        # Erasing needs a clear word where nobody can be asked.
        self.assertIn("--yes", self.tool("tenant", "erase", "tokyo", "--reason", "x", "--undo-window", "0", code=2)[1])
        self.assertEqual(self.json("tenant", "erase", "tokyo", "--reason", "ended")["state"], "erasing")
        self.assertEqual(self.json("tenant", "resume", "tokyo", "--reason", "stays")["state"], "trial")

        trail = self.json("audit", "list", "--operators", "--limit", "1000")
        self.assertIn("unpaid", [record["reason"] for record in trail])
        self.assertEqual({record["actor"] for record in trail if record["reason"] == "unpaid"}, {"tester"})
        self.assertTable(self.text("audit", "list", "--operators"), "SEQ", "AT", "ACTOR", "ACTION", "TARGET", "OUTCOME", "REASON")
        self.assertGreater(self.json("audit", "verify", "--operators")["records"], len(trail))

    def test_refusals(self):
        self.tool("tenant", "create", "Twin", "--plan", "studio/basic")
        self.assertEqual(self.error("tenant", "create", "Twin", "--plan", "studio/basic", code=15)["code"], "conflict")
        self.assertEqual(self.error("tenant", "create", "New", "--plan", "studio/none", code=14)["code"], "not_found")
        self.assertEqual(self.error("tenant", "create", "New", "--slug", "../x", "--plan", "studio/basic", code=11)["code"],
                         "invalid_argument")
        self.assertEqual(self.error("tenant", "show", "nobody", code=14)["subject"], "nobody")
        self.assertEqual(self.error("--tenant", "ten_01jd8w3v5e6f7g8h9j0k1m2n3p", "project", "list", code=14)["code"], "not_found")
        _, err = self.tool("tenant", "show", "nobody", code=14)
        self.assertIn("(not_found)", err)
        self.assertIn("“tenon tenant list” shows what there is.", err)


class Business(ToolTest):
    @classmethod
    def prepare(cls):
        cls.acme = cls.json("tenant", "create", "Acme", "--plan", "studio/basic", "--trial")

    def test_states_and_versions(self):
        reason = ("--reason", "agreed")
        longer = self.json("tenant", "extend-trial", "acme", "--by", "7d", *reason)
        self.assertGreater(longer["trial_ends_at"], self.acme["trial_ends_at"])
        self.assertIn("--by", self.tool("tenant", "extend-trial", "acme", *reason, code=2)[1])
        self.assertEqual(self.json("tenant", "activate", "acme", *reason)["state"], "active")
        self.assertEqual(self.error("tenant", "extend-trial", "acme", "--by", "7d", *reason, code=15)["code"], "conflict")
        self.assertEqual(self.json("tenant", "archive", "acme", *reason)["state"], "archived")
        self.assertEqual(self.json("tenant", "erase", "acme", *reason)["state"], "erasing")
        self.assertEqual(self.json("tenant", "undo-erase", "acme", *reason)["state"], "archived")
        seen = self.json("tenant", "resume", "acme", *reason)
        changed = self.json("tenant", "update", "acme", "--name", "Acme Film", "--expected", str(seen["version"]))
        self.assertEqual((changed["name"], changed["slug"]), ("Acme Film", "acme"))
        self.assertEqual(self.error("tenant", "update", "acme", "--name", "Lost", "--expected", str(seen["version"]), code=15)["code"], "conflict")
        self.assertIn("what is to change", self.tool("tenant", "update", "acme", code=2)[1])
        for verb in ("archive", "activate", "undo-erase", "keep-plan"):
            self.assertIn("--reason", self.tool("tenant", verb, "acme", code=2)[1])
        self.assertEqual([t["id"] for t in self.json("tenant", "list", "--search", "FILM")], [self.acme["id"]])
        self.assertEqual(self.json("tenant", "list", "--region", "elsewhere"), [])

    def test_plans_and_limits(self):
        bolt = self.json("tenant", "create", "Bolt", "--plan", "studio/basic")
        preview = self.json("tenant", "change-plan", "bolt", "--plan", "studio/professional", "--preview")
        self.assertEqual((preview["state"], preview["before"]), ("preview", "studio/basic"))
        self.assertIn({"resource": "projects", "before": 5, "after": 25, "used": 0, "over": False}, preview["impacts"])
        self.assertEqual(self.json("tenant", "change-plan", "bolt", "--plan", "studio/professional", "--reason", "x")["state"], "done")
        planned = self.json("tenant", "change-plan", "bolt", "--plan", "studio/basic", "--reason", "y")
        self.assertEqual(self.json("tenant", "show", "bolt")["plan_changes_at"], planned["effective_at"])
        self.assertIn("--now, or --at-period-end", self.tool("tenant", "change-plan", "bolt", "--plan", "p", "--now", "--at-period-end", code=2)[1])
        self.tool("tenant", "keep-plan", "bolt", "--reason", "z")
        self.assertEqual([c["state"] for c in self.json("tenant", "plan-changes", "bolt")], ["withdrawn", "done"])
        self.assertTable(self.text("tenant", "plan-changes", "bolt"), "FROM", "PLAN", "BEFORE", "STATE", "REASON")

        limit = self.json("tenant", "grant-limit", "bolt", "--name", "rush", "--resource", "render_time", "--to", "60h", "--reason", "order",
                          "--until", "2099-01-01T00:00:00Z")
        self.assertEqual((limit["limit"], limit["granted_by"], limit["in_force"]), (216_000_000, "tester", True))
        quotas = {quota["resource"]: quota for quota in self.json("--tenant", "bolt", "quota")}
        self.assertEqual((quotas["render_time"]["limit"], quotas["projects"]["limit"]), (216_000_000, 25))
        self.assertEqual([own["name"] for own in self.json("--tenant", "bolt", "quota", "--own")], ["rush"])
        whole = self.json("tenant", "grant-limit", "bolt", "--name", "all", "--resource", "storage", "--to", "unlimited", "--reason", "x")
        self.assertIsNone(whole["limit"])
        self.assertEqual(len(self.json("tenant", "limits", "bolt")), 2)
        self.tool("tenant", "revoke-limit", "bolt", "--name", "all", "--reason", "over")
        self.assertEqual(self.error("tenant", "revoke-limit", "bolt", "--name", "all", "--reason", "over", code=14)["code"], "not_found")
        self.assertIn("is no resource; there are projects", self.tool("tenant", "grant-limit", "bolt", "--name", "x", "--resource", "y", "--to", "1",
                                                                    "--reason", "x", code=2)[1])
        kinds = {event["kind"] for event in self.events("bolt")}
        self.assertLessEqual({"tenant.plan", "tenant.limit"}, kinds)
        self.assertEqual(bolt["next_plan"], None)

    def events(self, tenant):
        lines = self.text("--tenant", tenant, "events", "follow", "--after", "0", "--for", "0s", "--json").splitlines()
        return [json.loads(line) for line in lines]

    def test_settings(self):
        self.tool("tenant", "create", "Cast", "--plan", "studio/premium")
        tenant = ("--tenant", "cast")
        self.assertEqual(self.json(*tenant, "settings", "show", "workflows"),
                         {"kind": "workflows", "body": {}, "version": 0, "changed_at": None})
        (self.folder / "w.json").write_text('{"workflows": [{"name": "reel", "steps": [{"do": "render"}]}]}')
        self.assertEqual(self.json(*tenant, "settings", "put", "workflows", "@w.json")["version"], 1)
        self.assertEqual(self.json(*tenant, "settings", "put", "automation", "-", stdin='{"level": "full"}')["body"], {"level": "full"})
        self.assertEqual(self.json(*tenant, "settings", "patch", "automation", '{"level": null}', "--expected", "1")["body"], {})
        self.assertEqual(self.error(*tenant, "settings", "patch", "automation", "{}", "--expected", "1", code=15)["subject"], "automation")
        self.assertEqual(self.error(*tenant, "settings", "put", "workflows", '{"workflows": 1}', code=11)["subject"], "workflows")
        self.assertEqual(self.error(*tenant, "settings", "put", "workflows", "@none.json", code=14)["code"], "not_found")
        self.assertIn("KIND is", self.tool(*tenant, "settings", "show", "wishes", code=2)[1])
        self.tool(*tenant, "settings", "put", "branding", '{"product": "Cast & Co"}')
        self.assertEqual(json.loads(self.text(*tenant, "settings", "brand"))["product"], "Cast & Co")
        self.assertEqual(json.loads(self.text(*tenant, "settings", "schema", "branding"))["title"], "Branding")
        self.assertEqual(self.error(*tenant, "--role", "viewer", "settings", "put", "automation", "{}", code=13)["code"], "permission_denied")

    def test_partners(self):
        north = self.json("partner", "create", "Nörth", "--slug", "north", "--catalogue", "studio", "--share", "2000")
        self.assertRegex(north["id"], f"^par_{ID}$")
        self.assertEqual((north["catalogues"], north["share_basis_points"], north["branding"]), (["studio"], 2000, {}))
        self.assertEqual(self.json("partner", "list", "--search", "NÖR"), [north])
        self.assertTable(self.text("partner", "list"), "SLUG", "NAME", "CATALOGUES", "SHARE", "CREATED", "ID")
        sold = self.json("tenant", "create", "Sold", "--plan", "studio/basic", "--partner", "north")
        self.assertEqual(sold["partner"], north["id"])
        self.assertEqual(self.error("tenant", "create", "X", "--plan", "nvr/basic", "--partner", "north", code=13)["code"], "permission_denied")
        self.assertEqual(self.json("tenant", "list", "--partner", north["id"]), [sold])
        self.assertNotIn(sold["id"], [t["id"] for t in self.json("tenant", "list", "--partner", "none")])
        self.assertEqual(self.json("--as-partner", "north", "tenant", "list"), [sold])
        self.assertEqual(self.error("--as-partner", "north", "tenant", "show", self.acme["id"], code=14)["code"], "not_found")
        changed = self.json("partner", "update", "north", "--all-catalogues", "--branding", '{"product": "North"}')
        self.assertEqual((changed["catalogues"], changed["branding"], changed["version"]), ([], {"product": "North"}, 2))
        self.assertEqual(self.json("partner", "show", "north"), changed)
        self.assertEqual(self.error("partner", "remove", "north", "--reason", "x", "--yes", code=15)["code"], "conflict")
        other = self.json("partner", "create", "Other", "--slug", "other")
        self.assertEqual(self.json("partner", "remove", "other", "--reason", "x", "--yes")["id"], other["id"])
        self.assertEqual(self.error("partner", "show", "other", code=14)["subject"], "other")


class Projects(ToolTest):
    @classmethod
    def prepare(cls):
        cls.acme = cls.json("tenant", "create", "Acme", "--plan", "studio/basic")

    def test_projects_limits_and_the_trail(self):
        made = self.json("project", "create", "Spring reel")
        self.assertRegex(made["id"], f"^prj_{ID}$")
        self.assertEqual(self.text("project", "rename", "Spring reel", "Köln 東京").splitlines()[0], "Project  Köln 東京")
        refusal = self.error("project", "rename", "Köln 東京", "\x1b[31mred", code=11)
        self.assertEqual((refusal["code"], refusal["subject"]), ("invalid_argument", "name"))
        self.assertTable(self.text("project", "list"), "NAME", "CREATED", "ID")
        self.assertEqual(self.json("project", "list")[0]["id"], made["id"])
        self.assertEqual(self.text("project", "list", "--quiet"), made["id"] + "\n")

        # One name twice is fine for the library; a person must then say which.
        twins = [self.text("project", "create", "Twin", "--quiet").strip() for _ in range(2)]
        conflict = self.error("project", "remove", "Twin", "--yes", code=15)
        for twin in twins:
            self.assertIn(twin, conflict["message"])
        self.assertIn("Removed Twin.", self.text("project", "remove", twins[0], "--yes"))
        self.assertEqual(self.json("project", "remove", "Twin", "--yes")["id"], twins[1])

        for n in range(4):
            self.tool("project", "create", f"P{n}")
        refusal = self.error("project", "create", "one too many", code=16)
        self.assertEqual((refusal["code"], refusal["resource"], refusal["limit"], refusal["used"]), ("quota_exceeded", "projects", 5, 5))
        self.assertIn("tenon quota", self.tool("project", "create", "one too many", code=16)[1])

        self.assertTable(self.text("quota"), "RESOURCE", "LIMIT", "USED", "RESERVED", "TAKEN", "RESETS")
        quotas = {quota["resource"]: quota for quota in self.json("quota")}
        self.assertEqual((quotas["projects"]["used"], quotas["projects"]["limit"]), (5, 5))
        self.assertIsNone(quotas["projects"]["resets_at"])
        self.assertRegex(quotas["render_time"]["resets_at"], TIME)
        usage = self.json("usage")
        self.assertEqual((usage["plan"], len(usage["quotas"])), ("studio/basic", len(quotas)))
        self.assertLess(usage["start"], usage["end"])
        self.assertIn("studio/basic", self.text("usage"))
        self.assertIn("imported_bytes", self.error("usage", "--meter", "foo", code=11)["message"])

        records = self.json("audit", "list", "--limit", "1000")
        self.assertEqual([record["seq"] for record in records], list(range(len(records))))
        created = self.json("audit", "list", "--action", "project.create")
        self.assertIn("ok", [record["outcome"] for record in created])
        self.assertIn("quota_exceeded", [record["outcome"] for record in created])
        report = self.json("audit", "verify")
        self.assertEqual(report, {"records": len(records), "head": records[-1]["hash"]})
        self.assertIn("whole", self.text("audit", "verify", "--head", report["head"]))
        self.assertEqual(self.error("audit", "verify", "--head", "0" * 64, code=19)["code"], "corrupt")

        events = self.lines("events", "follow", "--after", "0", "--for", "0s")
        self.assertIn("project.created", [event["kind"] for event in events])
        self.assertEqual([event["id"] for event in events], sorted(event["id"] for event in events))
        some = self.lines("events", "follow", "--kind", "project.", "--after", str(events[0]["id"]), "--for", "0s")
        self.assertEqual(some, [e for e in events[1:] if e["kind"].startswith("project.")])
        self.assertIn("project.created", self.text("events", "follow", "--after", "0", "--for", "0s"))

    def test_a_role_does_only_what_it_may(self):
        self.assertEqual(self.error("--role", "viewer", "project", "create", "x", code=13)["code"], "permission_denied")
        self.json("project", "list", env={"TENON_ROLE": "viewer"})
        self.assertIn("there is no role", self.tool("--role", "king", "project", "list", code=2)[1])

    def test_the_actor_is_recorded(self):
        self.tool("--role", "viewer", "--actor", "mallory", "project", "create", "x", code=13)
        self.assertIn("mallory", {record["actor"] for record in self.json("audit", "list", "--limit", "10000")})


class TwoTenants(ToolTest):
    @classmethod
    def prepare(cls):
        cls.a, cls.b = (cls.json("tenant", "create", name, "--plan", "studio/basic") for name in ("A", "B"))

    def test_which_one_must_be_said(self):
        self.assertIn("--tenant", self.tool("project", "list", code=2)[1])
        project = self.json("--tenant", "a", "project", "create", "Only in A")
        self.assertEqual(self.json("project", "list", env={"TENON_TENANT": "a"}), [project])
        self.assertEqual(self.json("project", "list", "--tenant", self.b["id"]), [])
        for typed in (project["id"], "Only in A"):
            self.assertEqual(self.error("--tenant", "b", "project", "rename", typed, "Mine", code=14)["code"], "not_found")


class Output(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tool("tenant", "create", "Acme", "--plan", "studio/basic")

    def test_output_that_cannot_be_written_is_no_success(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            process = self.start("tenant", "list", stdout=full, stderr=-1)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 20)
        self.assertIn(b"(no_space: standard output)", err)

    def test_a_reader_that_leaves_is_no_failure(self):
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "w") as pipe:
            process = self.start("tenant", "plans", stdout=pipe)
        self.assertEqual(process.wait(60), 0)

    def test_a_changed_record_is_found(self):
        self.tool("project", "create", "x")
        self.tool("audit", "verify")
        with contextlib.closing(sqlite3.connect(self.home / "metadata.db")) as database, database:
            triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_'").fetchall()
            for name, _ in triggers:
                database.execute(f"DROP TRIGGER {name}")
            changed = database.execute("UPDATE audit_ SET record = replace(record, 'project.create', 'project.remove') "
                                       "WHERE action = 'project.create'").rowcount
            self.assertEqual(changed, 1)
            for _, sql in triggers:
                database.execute(sql)
        self.assertIn("corrupt", self.tool("audit", "verify", code=19)[1])
        self.assertEqual(self.error("audit", "verify", code=19)["code"], "corrupt")


if __name__ == "__main__":
    main()
