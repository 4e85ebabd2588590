#!/usr/bin/env python3
"""Users, roles, keys, logins, issuers and tokens through the tool. Secrets come from files, never from the command line."""
from tool import ToolTest, main

PASSWORD = "correct horse battery"


class Access(ToolTest):
    @classmethod
    def prepare(cls):
        cls.tool("tenant", "create", "Acme", "--plan", "studio/basic", "--owner-email", "olga@example.org", "--owner-name", "Olga")
        (cls.folder / "password").write_text(PASSWORD + "\n")
        (cls.folder / "wrong").write_text("wrong password\n")

    def test_users_and_passwords(self):
        anna = self.json("user", "create", "anna@example.org", "--name", "Anna", "--as", "editor")
        self.assertEqual((anna["state"], anna["role"], anna["has_password"]), ("invited", "editor", False))
        self.assertEqual(self.json("user", "show", "ANNA@example.org")["id"], anna["id"])
        self.assertEqual([u["email"] for u in self.json("user", "list", "--search", "anna")], ["anna@example.org"])
        self.assertTable(self.text("user", "list"), "EMAIL", "NAME", "STATE", "ROLE", "LAST LOGIN", "ID")
        self.assertEqual(self.json("user", "update", "anna@example.org", "--name", "Anna B.")["name"], "Anna B.")
        ticket = self.text("user", "ticket", "anna@example.org", "--quiet")
        self.text("user", "redeem", "--password-file", "password", stdin=ticket)
        self.assertEqual(self.error("user", "redeem", "--password-file", "password", code=12, stdin=ticket)["code"], "unauthenticated")
        tokens = self.json("login", "start", "anna@example.org", "--password-file", "password", "--address", "192.0.2.7")
        self.error("login", "start", "anna@example.org", "--password-file", "wrong", code=12)
        self.assertEqual(self.json("token", "check", stdin=tokens["access_token"])["user"], anna["id"])
        listed = self.json("login", "list", "--user", "anna@example.org")
        self.assertEqual([(login["id"], login["address"]) for login in listed], [(tokens["login"], "192.0.2.7")])
        following = self.json("login", "refresh", stdin=tokens["refresh_token"])
        self.error("login", "refresh", code=12, stdin=tokens["refresh_token"])
        self.error("token", "check", code=12, stdin=following["access_token"])
        self.assertEqual(self.json("login", "end-all", "anna@example.org"), {"ended": 0})
        last = self.json("login", "start", "anna@example.org", "--password-file", "password")
        self.json("login", "end", stdin=last["refresh_token"])
        self.assertEqual(self.json("user", "disable", "anna@example.org")["state"], "disabled")
        self.assertEqual(self.json("user", "enable", "anna@example.org")["state"], "active")
        self.assertEqual(self.error("user", "disable", "olga@example.org", code=15)["code"], "conflict")
        self.assertIn("--yes", self.tool("user", "remove", "anna@example.org", code=2)[1])
        self.json("user", "remove", "anna@example.org", "--yes")
        self.error("user", "show", "anna@example.org", code=14)

    def test_second_factor(self):
        self.json("user", "create", "bert@example.org", "--name", "Bert")
        self.json("user", "password", "bert@example.org", "--password-file", "password")
        self.assertRegex(self.json("user", "start-factor", "bert@example.org")["uri"],
                                r"^otpauth://totp/Tenon:bert%40example\.org\?secret=[A-Z2-7]{32}&")
        self.assertEqual(self.error("user", "confirm-factor", "bert@example.org", code=12, stdin="0\n")["code"], "unauthenticated")
        self.error("user", "remove-factor", "bert@example.org", "--yes", code=14)
        self.assertIsNone(self.json("user", "unlock", "bert@example.org")["locked_until"])

    def test_roles_and_grants(self):
        role = self.json("role", "create", "Cutter", "--permission", "project:read", "--permission", "render:write")
        self.assertEqual(role["permissions"], ["project:read", "render:write"])
        self.assertEqual(self.json("role", "update", "Cutter", "--permission", "project:read")["version"], 2)
        self.assertEqual(self.json("role", "permissions", "Cutter"), ["project:read"])
        self.assertIn("camera:write", self.json("role", "permissions"))
        self.assertIn("billing:write", self.json("role", "permissions", "billing"))
        self.assertTable(self.text("role", "list"), "NAME", "PERMISSIONS", "VERSION", "ID")
        carl = self.json("user", "create", "carl@example.org", "--name", "Carl", "--as", "Cutter")
        self.assertEqual(carl["custom_role"], role["id"])
        self.error("role", "remove", "Cutter", code=15)
        self.json("project", "create", "Spring reel")
        self.json("user", "grant", "carl@example.org", "Spring reel", "--as", "editor")
        self.assertEqual([grant["role"] for grant in self.json("user", "grants", "carl@example.org")], ["editor"])
        self.assertEqual(self.json("user", "revoke", "carl@example.org", "Spring reel"), [])
        self.json("user", "remove", "carl@example.org", "--yes")
        self.json("role", "remove", "Cutter")
        self.error("role", "show", "Cutter", code=14)

    def test_keys(self):
        made = self.json("key", "create", "uploader", "--as", "editor", "--scope", "asset:write", "--from", "192.0.2.0/24")
        self.assertTrue(made["secret"].startswith(made["key"]["shown"] + "_"))
        self.assertEqual(self.json("key", "show", "uploader"), made["key"])
        self.assertNotIn(made["secret"][-40:], self.text("key", "list") + self.text("key", "show", "uploader") + self.text("audit", "list"))
        self.assertEqual(self.json("key", "check", "--address", "192.0.2.7", stdin=made["secret"])["permissions"], ["asset:write"])
        self.assertEqual(self.error("key", "check", code=12, stdin=made["secret"])["message"], "the credentials are not valid")
        self.assertEqual(self.error("--role", "admin", "key", "create", "x", "--as", "owner", code=13)["code"], "permission_denied")
        turned = self.json("key", "rotate", "uploader", "--grace", "1h")
        for secret in (made["secret"], turned["secret"]):
            self.json("key", "check", "--address", "192.0.2.7", stdin=secret)
        self.assertIsNotNone(self.json("key", "revoke", "uploader")["revoked_at"])
        self.error("key", "check", "--address", "192.0.2.7", code=12, stdin=turned["secret"])
        self.assertEqual(self.json("key", "list"), [])
        self.assertEqual(len(self.json("key", "list", "--all")), 1)
        quiet = self.text("key", "create", "alone", "--test", "--quiet").strip()
        self.assertRegex(quiet, r"^sk_test_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$")

    def test_support_issuers_and_the_keys_of_tokens(self):
        self.assertIn("--reason", self.tool("login", "support", code=2)[1])
        support = self.json("login", "support", "--for", "2h", "--reason", "ticket 4711")
        self.assertEqual([login["reason"] for login in self.json("login", "list")], ["ticket 4711"])
        self.json("login", "end", support["login"])
        self.assertEqual(self.json("login", "list"), [])
        before = self.json("token", "jwks")
        self.assertEqual([key["alg"] for key in before["keys"]], ["EdDSA"])
        fresh = self.json("token", "rotate")
        self.assertEqual([key["kid"] for key in self.json("token", "keys")], [fresh["kid"], before["keys"][0]["kid"]])
        self.assertEqual(self.json("token", "rotate-pepper"), {"pepper": 2})
        (self.folder / "jwks.json").write_text(self.text("token", "jwks"))
        issuer = self.json("issuer", "add", "https://login.example.org", "--audience", "studio", "--jwks", "jwks.json")
        self.assertEqual(self.json("issuer", "show", issuer["id"]), issuer)
        self.assertTable(self.text("issuer", "list"), "ISSUER", "AUDIENCE", "CREATED", "ID")
        self.json("issuer", "update", issuer["id"], "--jwks", "jwks.json")
        self.json("issuer", "remove", issuer["id"])
        self.assertEqual(self.json("issuer", "list"), [])


if __name__ == "__main__":
    main()
