"""A POP3 client that keeps unique-ids and deletes (RFC 1939 sections 6 and 7): what QUIT has acknowledged stays deleted,
and unique-ids come from the store, whatever dies (TRBL-30)."""
import poplib
import random
import time

from ledger import MARK

POPPED = "p"                  # only this client deletes from its mailbox
LEFT = 10                     # messages that it leaves there


class Popper:
    def __init__(self, mail, memory):
        self.mail, self.memory, self.marks = mail, memory, {}   # unique-id -> mark

    def fault(self, text):
        with self.memory.lock:
            self.memory.faults.append(f"{POPPED}: {text}")

    def mark(self, c, number, uid):
        mark = MARK.search(b"\r\n".join(c.top(number, 0)[1])).group(1).decode()
        if self.marks.setdefault(uid, mark) != mark:
            self.fault(f"unique-id {uid} was {self.marks[uid]} and is {mark} now")
        if mark in self.memory.gone[POPPED]:
            self.fault(f"{mark} was deleted and is there")
        return mark

    def visit(self):
        c = self.mail.pop3(POPPED)
        try:
            listed = [line.decode().split() for line in c.uidl()[1]]
            marks = {number: self.mark(c, number, uid) for number, uid in listed}
            gone = random.sample(list(marks), max(0, len(marks) - LEFT))
            for number in gone:
                c.dele(number)
            with self.memory.lock:
                self.memory.deleting[POPPED].update(marks[number] for number in gone)
            c.quit()
            with self.memory.lock:
                self.memory.gone[POPPED].update(marks[number] for number in gone)
        finally:
            c.close()

    def run(self, stopping):
        while not stopping():
            try:
                self.visit()
            except (poplib.error_proto, OSError):   # any break is expected here
                pass
            time.sleep(0.1)
