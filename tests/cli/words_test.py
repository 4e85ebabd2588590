#!/usr/bin/env python3
"""What the tool understands and says without any home: help, wrong words, completion, its own name."""
import functools
import os
import re
import shutil
import subprocess

from tool import TOOL, ToolTest, main

VERBS = {
    "tenant": ["create", "list", "show", "update", "activate", "extend-trial", "suspend", "archive", "resume", "erase", "undo-erase",
               "plans", "change-plan", "keep-plan", "plan-changes", "limits", "grant-limit", "revoke-limit",
               "receipt", "place-legal-hold", "lift-legal-hold", "legal-holds"],
    "partner": ["create", "list", "show", "update", "remove"],
    "settings": ["show", "put", "patch", "schema", "brand"],
    "user": ["create", "list", "show", "update", "disable", "enable", "remove", "grant", "revoke", "grants", "password", "ticket", "redeem",
             "unlock", "start-factor", "confirm-factor", "remove-factor"],
    "role": ["create", "list", "show", "update", "remove", "permissions"],
    "key": ["create", "list", "show", "rotate", "revoke", "check"],
    "login": ["start", "refresh", "end", "list", "end-all", "support"],
    "issuer": ["add", "list", "show", "update", "remove"],
    "token": ["check", "keys", "rotate", "rotate-pepper", "jwks"],
    "project": ["create", "list", "rename", "remove"],
    "asset": ["import", "list", "show", "frame", "contact-sheet", "waveform", "grade-still", "remove"],
    "render": ["start", "batch", "draw", "list", "show"],
    "export": ["list", "show", "frame", "contact-sheet", "waveform", "remove"],
    "camera": ["add", "list", "show", "update", "record", "recordings", "clip", "timeline", "snapshot", "playlist",
               "schedule", "keep", "protect", "unprotect", "remove", "run"],
    "backup": ["start", "stream", "list", "show", "browse", "find", "cat", "archive", "diff", "tag", "hold", "lift-hold", "forget",
               "prune", "restore", "check", "repair", "checkpoint", "accept", "drill", "drills", "stores", "add-store", "remove-store", "copy-policy",
               "sync", "keys", "add-password", "add-recovery-code", "add-key-file", "new-recipient", "add-recipient",
               "add-deferred", "rotate-keys", "rotate-data-key", "subjects", "shred", "erasures", "remove-key", "unlock"],
    "backup schedule": ["create", "list", "show", "update", "pause", "resume", "run", "remove", "upcoming"],
    "usage": ["record", "correct", "events", "export", "breakdown", "tag", "tags", "verify", "rebuild"],
    "quota": [],
    "hold": ["list", "reserve", "extend", "commit", "release", "spend", "leases", "give-back"],
    "rate": [],
    "job": ["list", "show", "join", "cancel", "retry", "reschedule", "pause", "resume", "pauses", "batch", "work"],
    "recurrence": ["create", "list", "show", "update", "pause", "resume", "trigger", "remove", "upcoming"],
    "events": ["follow"],
    "audit": ["list", "verify", "checkpoint", "prove", "consistency", "export", "export-list", "erase-personal", "retention"],
    "takeout": [],
    "home": ["move"],
    "completion": ["bash"],
}


class Help(ToolTest):
    @classmethod
    @functools.lru_cache(maxsize=None)
    def help_of(cls, *path):
        return cls.tool(*path, "--help")[0]

    def test_overview_names_every_verb_option_and_exit_code(self):
        text = self.text("--help")
        self.assertEqual(text, self.text())
        self.assertEqual(text, self.text("help"))
        self.assertEqual(re.findall(r"^  ([a-z]+(?: [a-z]+)*)  ", text.split("Verbs\n")[1].split("\n\n")[0], re.M), list(VERBS))
        for word in ("--home", "$TENON_HOME", "--tenant", "--json", "16  quota_exceeded", "24  internal_error"):
            self.assertIn(word, text)

    def test_every_verb_is_explained_with_examples(self):
        for group, verbs in VERBS.items():
            if verbs:
                listed = re.findall(rf"^  {group} ([a-z-]+) ", self.text(*group.split(), "--help"), re.M)
                self.assertEqual(listed, verbs)
            for path in [(*group.split(), verb) for verb in verbs] or [(group,)]:
                text = self.help_of(*path)
                self.assertTrue(text.startswith(f"Usage: tenon {' '.join(path)}"), text)
                self.assertIn(f"\nExamples\n  tenon {' '.join(path)}", text)
                paragraph = text.split("\n\n")[1]
                self.assertGreater(len(paragraph), 40, text)
                self.assertLessEqual(max(len(line) for line in paragraph.splitlines()), 96)
                self.assertNotIn("PREFIX_", text)
                if path[1:] in [(), ("list",)]:
                    self.assertEqual(text, self.text("help", *path))
        self.assertFalse(self.home.exists())

    def test_examples_of_the_help_are_understood(self):
        # Words only: an example must never end as a usage error. There is no home, so nothing is done.
        for group, verbs in VERBS.items():
            for path in [(*group.split(), verb) for verb in verbs] or [(group,)]:
                for line in re.findall(r"^  tenon (.*)$", self.help_of(*path).split("\nExamples\n")[1], re.M):
                    command = f'"$TOOL" --home none {line}'
                    done = subprocess.run(["bash", "-c", command], cwd=self.folder, capture_output=True, text=True,
                                          stdin=subprocess.DEVNULL,
                                          env=self.environment(TENON_CAMERA_PASSWORD="x" * 8, TENON_BACKUP_PASSWORD="x" * 8))
                    self.assertNotEqual(done.returncode, 2, f"{line}\n{done.stderr}")
                    shutil.rmtree(self.folder / "none", ignore_errors=True)

    def test_version(self):
        self.assertRegex(self.text("--version"), r"^Tenon \d+\.\d+\.\d+\n$")

    def test_renamed_it_speaks_under_its_own_name(self):
        os.symlink(TOOL, self.folder / "acme-tool")
        run = lambda *words, **env: subprocess.run(  # noqa: E731
            [self.folder / "acme-tool", *words], capture_output=True, text=True, env=self.environment(**env))
        for words in ([], ["render", "start", "--help"], ["backup", "--help"], ["completion", "bash"], ["--version"]):
            text = run(*words).stdout
            self.assertNotIn("tenon", text.lower())
            self.assertIn("acme", text.lower())
        self.assertIn("$ACME_TOOL_HOME", run().stdout)
        refusal = run("project", "list", ACME_TOOL_HOME="/nowhere/at/all")
        self.assertEqual(refusal.returncode, 14)
        self.assertIn("/nowhere/at/all", refusal.stderr)
        self.assertNotIn("tenon", refusal.stderr.lower())
        self.assertEqual(run("--version", ACME_TOOL_PRODUCT="Ünïque").stdout.split()[0], "Ünïque")


class WrongWords(ToolTest):
    CASES = [
        (["rendr"], "Did you mean “render”?"),
        (["render", "strat"], "Did you mean “start”?"),
        (["render"], "needs a verb"),
        (["project", "create"], "NAME is missing"),
        (["backup", "schedul"], "Did you mean “schedule”?"),
        (["backup", "schedule"], "needs a verb"),
        (["backup", "schedule", "runs"], "Did you mean “run”?"),
        (["project", "create", "a", "b"], "“b” is one word too many"),
        (["project", "create", "a", "--jason"], "Did you mean “--json”?"),
        (["project", "create", "a", "--home"], "--home needs a value"),
        (["project", "create", "a", "--home", "x", "--home", "y"], "given twice"),
        (["project", "create", "a", "--quiet=yes"], "takes no value"),
        (["render", "start"], "--project PROJECT is missing"),
        (["tenant", "create", "Acme"], "--plan PLAN is missing"),
        (["tenant", "create", "Acme", "--plan", "p", "--anchor-day", "32"], "from 1 to 31"),
        (["camera", "clip", "Door", "--start", "noonish", "--end", "now"], "takes a UTC time"),
        (["camera", "run", "--for", "soon"], "takes a length"),
        (["\x1b[2J"], "no verb “\uFFFD[2J”"),
    ]

    def test_each_is_refused_and_explained(self):
        for words, said in self.CASES:
            out, err = self.tool(*words, code=2)
            self.assertEqual(out, "")
            self.assertIn(said, err)
            self.assertIn("--help” tells more", err)

    def test_as_json_too(self):
        for words, said in self.CASES:
            error = self.error(*words, code=2)
            self.assertEqual(error["code"], "usage")
            self.assertIn(said, error["message"])

    def test_without_a_home_it_says_how_to_make_one(self):
        error = self.error("project", "list", code=14)
        self.assertEqual(error["code"], "not_found")
        self.assertIn("tenant create", error["message"])
        self.assertFalse(self.home.exists())

    def test_a_secret_on_the_command_line_is_no_option(self):
        for words in (["camera", "add", "Door", "rtsp://h/s", "--password", "x"], ["backup", "unlock", "--password", "x"]):
            self.assertIn("--password-file", self.tool(*words, code=2)[1])


class Completion(ToolTest):
    def complete(self, *words):
        script = 'eval "$("$TOOL" completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tenon; echo "${COMPREPLY[@]}"'
        return subprocess.run(["bash", "-c", script, "bash", "tenon", *words], env=self.environment(), cwd=self.folder,
                              capture_output=True, text=True, check=True).stdout.split()

    def test_verbs_and_options(self):
        self.assertEqual(self.complete("re"), ["render", "recurrence"])
        self.assertEqual(self.complete("backup", "res"), ["restore"])
        self.assertEqual(self.complete("backup", "sch"), ["schedule"])
        self.assertEqual(self.complete("backup", "schedule", "up"), ["update", "upcoming"])
        self.assertEqual(self.complete("backup", "schedule", "run", "--wo"), ["--work", "--workers"])
        self.assertEqual(self.complete("render", "start", "--cl"), ["--clip"])
        self.assertEqual(self.complete("--json", "render", "start", "--ho"), ["--home"])

    def test_files_where_a_file_is_meant(self):
        self.assertEqual(self.complete("asset", "import", "inter"), ["interview.mp4"])


if __name__ == "__main__":
    main()
