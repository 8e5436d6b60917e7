"""Reads every sample report with Python's e-mail parser (RFC 3464, 6522, 6533): dsn_check.py PROGRAM"""
import email, email.policy, subprocess, sys

program = sys.argv[1]
names = subprocess.run([program], capture_output=True, check=True, text=True).stdout.split()
assert len(names) >= 6
for name in names:
    raw = subprocess.run([program, name], capture_output=True, check=True).stdout
    assert raw.count(b"\n") == raw.count(b"\r\n") and b"\0" not in raw, name
    assert max(map(len, raw.split(b"\r\n"))) <= 998, name
    m = email.message_from_bytes(raw, policy=email.policy.default)
    assert not m.defects, (name, m.defects)
    assert m.get_content_type() == "multipart/report" and m.get_param("report-type") == "delivery-status", name
    assert m["Auto-Submitted"] == "auto-replied" and (name == "utf8" or m["To"].addresses[0].addr_spec == "bart@example.test"), name
    assert m["References"] == "<m1@example.test>", name
    parts = m.get_payload()
    assert len(parts) == 3, (name, len(parts))
    text, status, back = parts
    assert text.get_content_type() == "text/plain" and "mail.example.test" in text.get_content(), name
    kind = status.get_content_type()
    if kind == "message/delivery-status":
        blocks = status.get_payload()
        assert blocks[0]["Reporting-MTA"] == "dns; mail.example.test", name
        assert blocks[0]["Original-Envelope-Id"] == "env-42", name
        assert blocks[0]["Arrival-Date"], name
        for b in blocks[1:]:
            assert b["Action"] in ("failed", "delayed", "delivered", "relayed", "expanded"), name
            assert b["Status"][0] == {"f": "5", "d": "24", "r": "2", "e": "2"}[b["Action"][0]][0 if b["Action"] != "delayed" else 1], name
            assert b["Final-Recipient"].split(";")[0] in ("rfc822", "utf-8"), name
        if name.startswith("failed"):
            assert len(blocks) == 3 and blocks[1]["Original-Recipient"] == "rfc822; dad+x@example.com", name
            assert blocks[1]["Remote-MTA"] == "dns; mx.example.com" and "550-5.1.1 no such user" in blocks[1]["Diagnostic-Code"], name
    else:
        assert kind == "message/global-delivery-status" and name == "utf8", (name, kind)
    if back.get_content_type().startswith("message/global"):   # RFC 6533 section 4.5
        assert back["Content-Transfer-Encoding"] == ("8bit" if name == "utf8" else "base64"), name
        assert (back.get_content_type() == "message/global-headers") == (name == "utf8-headers-to-ascii"), name
    elif name in ("failed", "utf8-in-7bit"):
        inner = back.get_payload(0)
        assert back.get_content_type() == "message/rfc822" and inner["Message-ID"] == "<m1@example.test>", name
        assert "Body line" in inner.get_payload(), name
    else:
        assert back.get_content_type() == "text/rfc822-headers" and "Body line" not in back.get_payload(), name
print(len(names), "reports read")
