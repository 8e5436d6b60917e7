#!/usr/bin/python3
"""Sends a message through a running example instance and shows it arriving. Usage: run_message.py PORT_BASE PASSWORD"""
import imaplib
import smtplib
import ssl
import sys
import time
import uuid

base, password = int(sys.argv[1]), sys.argv[2]
trust = ssl.create_default_context()
trust.check_hostname = False
trust.verify_mode = ssl.CERT_NONE   # self-signed example certificate
mark = uuid.uuid4().hex

with smtplib.SMTP("127.0.0.1", base + 587, timeout=20) as smtp:
    smtp.starttls(context=trust)
    smtp.login("lisa@example.test", password)
    begin = time.monotonic()
    smtp.sendmail("lisa@example.test", ["bart@example.test"],
                  f"From: Lisa <lisa@example.test>\r\nTo: Bart <bart@example.test>\r\nSubject: Hello {mark[:8]}\r\n\r\nIt works.\r\n")

imap = imaplib.IMAP4_SSL("127.0.0.1", base + 993, ssl_context=trust, timeout=20)
imap.login("bart@example.test", password)
for _ in range(500):
    imap.select("INBOX", readonly=True)
    found = imap.search(None, "SUBJECT", f'"Hello {mark[:8]}"')[1][0].split()
    if found:
        break
    time.sleep(0.01)
else:
    sys.exit("the message did not arrive within 5 s")
took = (time.monotonic() - begin) * 1000
print(f"-- arrived after {took:.0f} ms:")
for line in imap.fetch(found[-1], "(BODY.PEEK[])")[1][0][1].decode().splitlines():
    print("   ", line)
imap.logout()
