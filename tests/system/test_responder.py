"""The responder with modules that do nothing: start, restart, back-off, stop, ports, log, configuration."""
import glob
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import iems

MODULES = ["dir", "store", "mta", "lmda", "index", "smtpc", "smtpd", "imapd", "pop3d", "webd", "quota", "acme"]
SAMPLE = os.path.join(iems.BUILD, "src", "responder", "iems-sample")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Responder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.libexec = tempfile.TemporaryDirectory(prefix="iems-libexec-")
        for name in MODULES:
            os.symlink(SAMPLE, os.path.join(cls.libexec.name, "iems-" + name))
        os.environ["IEMS_LIBEXEC"] = cls.libexec.name

    @classmethod
    def tearDownClass(cls):
        cls.libexec.cleanup()
        del os.environ["IEMS_LIBEXEC"]

    def setUp(self):
        self.mail = iems.Instance()

    def tearDown(self):
        for f in glob.glob(os.path.join(self.mail.dir, "behave-*")):
            os.unlink(f)
        self.mail.stop()
        self.mail.remove()

    def behave(self, module, how):
        with open(os.path.join(self.mail.dir, "behave-" + module), "w", encoding="ascii") as f:
            f.write(how)

    def status(self):
        return json.loads(self.mail.run("status", "--json", check=False).stdout)

    def module(self, name):
        return next(m for m in self.status()["modules"] if m["name"] == name)

    def wait_state(self, name, state, seconds=5.0):
        return iems.wait_until(f"{name} {state}", lambda: self.module(name)["state"] == state, seconds)

    def test_start_status_stop(self):  # RESP-01 RESP-02 PORT-08 LOG-04 LOG-06
        began = time.monotonic()
        out = self.mail.run("start", self.mail.dir)
        self.assertLess(time.monotonic() - began, 2.0 * iems.QUICK)
        self.assertIn("every module is ready", out.stdout)
        status = self.status()
        self.assertTrue(status["all_ready"])
        self.assertEqual({m["name"] for m in status["modules"]}, {"slapd", "remote", *MODULES})   # some have several workers on a large machine
        self.assertEqual({(m["name"] == "remote", m["state"]) for m in status["modules"]}, {(False, "ready"), (True, "stopped")})
        table = self.mail.run("status").stdout
        for word in ("MODULE", "slapd", "smtpd", "ready", "RESTARTS"):
            self.assertIn(word, table)
        self.mail.wait_logged("message smtpd - sample name=smtpd listener=1 key=0 tls=1", "message dir - sample name=dir listener=0 key=32 tls=0")
        pids = list(self.mail.pids().values()) + [status["pid"]]
        self.assertEqual(len(pids), len(MODULES) + 2)
        second = self.mail.run("start", self.mail.dir, check=False)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn(f"runs already, as process {status['pid']}", second.stderr)
        self.mail.run("stop", self.mail.dir)
        self.assertEqual([p for p in pids if alive(p)], [])
        self.assertEqual(self.mail.run("status", check=False).returncode, 69)
        self.assertIn("not running", self.mail.run("stop", self.mail.dir).stdout)

    def test_who_waits_for_an_answer_comes_first(self):
        """Users and other servers wait for smtpd, imapd, pop3d and webd; what was accepted can wait."""
        self.mail.start()
        own = os.getpriority(os.PRIO_PROCESS, self.mail.responder_pid())
        behind, last = {"mta", "lmda", "smtpc"}, {"index", "quota"}
        for m in self.status()["modules"]:
            more = 15 if m["name"] in last else 10 if m["name"] in behind else 0
            self.assertEqual(os.getpriority(os.PRIO_PROCESS, m["pid"]), min(own + more, 19), m["name"])

    def test_killed_module_is_back_within_a_second(self):  # RESP-04 SMTPD-01 SMTPD-08
        self.mail.start()
        for name in ("store", "smtpd", "dir", "slapd"):
            pid = self.module(name)["pid"]
            os.kill(pid, signal.SIGKILL)
            began = time.monotonic()
            iems.wait_until(f"{name} again", lambda: self.module(name)["pid"] not in (0, pid) and self.status()["all_ready"], 5)
            self.assertLess(time.monotonic() - began, 1.0 * iems.QUICK + self.mail.started_in, name)
            self.assertEqual(self.module(name)["restarts"], 1)
        self.mail.wait_logged("ended by signal 9")
        for restarts in (2, 3, 4):    # once more, and it does not wait: each time it lived longer than its pause would be
            iems.wait_until("a while", lambda: self.module("smtpd")["uptime_s"] >= 1)
            os.kill(self.module("smtpd")["pid"], signal.SIGKILL)
            iems.wait_until("smtpd again", lambda n=restarts: self.module("smtpd")["restarts"] == n and self.status()["all_ready"])
        ends = [line for line in self.mail.log().splitlines() if "module-ended module=smtpd" in line]
        self.assertEqual([re.search(r"failures=(\d+) next_start_ms=(\d+)", line).groups() for line in ends],
                         [(str(n), "0") for n in range(1, 5)])

    def test_crash_loop_backs_off_and_start_says_why(self):
        self.behave("imapd", "fail")
        out = self.mail.run("start", self.mail.dir, check=False)
        self.assertNotEqual(out.returncode, 0)
        self.assertIn("imapd is not ready", out.stderr)
        self.assertIn("cannot start: the test wants it so", out.stderr)
        self.assertEqual(self.module("smtpd")["state"], "ready")
        iems.wait_until("crash loop", lambda: "crash loop" in self.module("imapd")["detail"], 10)
        before = self.module("imapd")["restarts"]
        time.sleep(0.5)
        self.assertLessEqual(self.module("imapd")["restarts"] - before, 1)  # the pauses have grown
        os.unlink(os.path.join(self.mail.dir, "behave-imapd"))
        self.mail.run("restart", "imapd")
        self.assertTrue(self.status()["all_ready"])

    def test_jail_violations(self):
        self.behave("mta", "exec")
        self.behave("lmda", "open")
        self.mail.run("start", self.mail.dir, check=False)
        if "built with sanitizers" in self.mail.log():
            self.skipTest("a build with sanitizers has no jail")
        iems.wait_until("the reason while the module pauses", lambda: "a system call that its jail forbids" in self.module("mta")["detail"])
        self.mail.wait_logged("jail-violation syscall=execve")
        self.mail.wait_logged("jail-violation syscall=openat")
        self.assertEqual(self.module("lmda")["state"], "ready")

    def test_stop_and_start_of_one_module(self):  # ARCH-01 RESP-03 RESP-04 RESP-07
        self.mail.configure("[pop3d]\nauto_start = no\n[webd]\nauto_restart = no\n")
        self.mail.start()
        self.assertEqual(self.module("pop3d")["state"], "stopped")
        os.kill(self.module("webd")["pid"], signal.SIGKILL)
        self.wait_state("webd", "failed")
        self.mail.run("restart", "pop3d")
        self.assertEqual(self.module("pop3d")["state"], "ready")
        unknown = self.mail.run("restart", "nonsense", check=False)
        self.assertIn("there is no module 'nonsense'", unknown.stderr)

    def test_deaf_module_is_killed(self):
        self.behave("smtpc", "deaf")
        self.mail.start()
        pid = self.module("smtpc")["pid"]
        self.mail.run("stop", self.mail.dir)
        self.assertFalse(alive(pid))
        self.mail.wait_logged("module-killed module=smtpc")

    def test_all_children_die_with_the_responder(self):
        self.mail.start()
        pids = list(self.mail.pids().values())
        os.kill(self.status()["pid"], signal.SIGKILL)
        iems.wait_until("no child", lambda: not [p for p in pids if alive(p)], 3)
        self.mail.start()
        self.assertTrue(self.status()["all_ready"])

    def test_port_in_use(self):  # TRBL-09 TRBL-10 TRBL-45 IMAPPOP-09
        """The module says who is in its way and is tried again; the others run. `iems doctor` says it before the start (TRBL-46)."""
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", self.mail.port("imap")))
            s.listen()
            seen = self.doctor("ports")
            out = self.mail.run("start", self.mail.dir, check=False)
            self.assertEqual(out.returncode, 69)
            for told in (out.stderr, self.module("imapd")["detail"], *(f["text"] for f in seen)):
                self.assertIn(f"address 127.0.0.1 port {self.mail.port('imap')} is in use by process {os.getpid()} (", told)
            self.assertEqual({m["name"] for m in self.status()["modules"] if m["auto_start"] and m["state"] != "ready"}, {"imapd"})
        self.wait_state("imapd", "ready", 35)
        socket.create_connection(("127.0.0.1", self.mail.port("imap")), 5).close()

    def test_doctor_of_a_stopped_instance(self):  # TRBL-46
        self.assertEqual([f["result"] for check in ("configuration", "files", "ports", "certificates") for f in self.doctor(check)], ["ok"] * 4)
        pem = os.path.join(self.mail.dir, "tls", "server.pem")
        os.chmod(pem, 0o644)   # TRBL-19
        self.assertIn("chmod 640 " + pem, self.doctor("files")[0]["remedy"])
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "5", "-subj", "/CN=x",
                        "-addext", "subjectAltName=DNS:other.example", "-keyout", pem + ".key", "-out", pem], check=True, capture_output=True)
        with open(pem, "ab") as f, open(pem + ".key", "rb") as key:
            f.write(key.read())
        self.assertEqual([f["result"] for f in self.doctor("certificates")], ["warn", "warn"])   # its name, its end
        os.rename(pem, pem + ".gone")
        self.assertIn("server.pem", self.doctor("certificates")[0]["text"])
        os.remove(os.path.join(self.mail.dir, "directory", "data", "data.mdb"))   # TRBL-13 TRBL-14
        self.assertIn("iems restore", self.doctor("directory")[0]["remedy"])
        self.mail.configure("[smtpd]\nrelay_default = allow\nrelay_networks = 0.0.0.0/0\n[store]\ndrive_min = 1000G")
        self.assertEqual([f["result"] for f in self.doctor("relay")], ["fail", "fail"])   # TRBL-05
        self.assertIn("no new mail is taken", self.doctor("disk")[0]["text"])   # TRBL-02
        self.mail.configure("[server]\nnothing = 1")   # TRBL-16
        self.assertIn("iems.conf:", self.doctor("configuration")[0]["text"])
        text = self.mail.run("doctor", self.mail.dir, check=False)
        self.assertEqual(text.returncode, 2)
        self.assertRegex(text.stdout, r"(?m)^fail  configuration .*\n +-> ")

    def doctor(self, check):
        """What `iems doctor` says of one thing."""
        out = self.mail.run("doctor", self.mail.dir, "--json", check=False).stdout
        return [f for f in json.loads(out) if f["check"] == check]

    def test_bad_configuration(self):  # PORT-07 SRV-01 SRV-02
        conf = os.path.join(self.mail.dir, "iems.conf")
        with open(conf, encoding="ascii") as f:
            good = f.read()
        lines = good.count("\n")
        for text, message in (("log_levle = info", "did you mean 'server.log_level'?"),
                              ("log_size = much", "0 to 2000000000 bytes"), ("nonsense", "'name = value' or '[section]' is expected")):
            with open(conf, "w", encoding="ascii") as f:
                f.write(good + text + "\n")
            out = self.mail.run("start", self.mail.dir, check=False)
            self.assertNotEqual(out.returncode, 0)
            self.assertIn(f"iems.conf:{lines + 1}: ", out.stderr)
            self.assertIn(message, out.stderr)
        with open(conf, "w", encoding="ascii") as f:
            f.write(good)
        self.mail.start()
        self.mail.configure("[server]\nlog_keep = 7\n")
        self.mail.run("config", "reload")
        iems.wait_until("new option", lambda: "changed log_keep=7" in self.mail.log(), 3)
        self.mail.configure("[server]\nlog_kep = 8\n")
        out = self.mail.run("config", "reload", check=False)
        self.assertNotEqual(out.returncode, 0)
        self.assertIn("did you mean 'server.log_keep'?", out.stderr)
        self.assertTrue(self.status()["all_ready"])

    def test_unreadable_certificate(self):  # SWEB-04
        pem = os.path.join(self.mail.dir, "tls", "server.pem")
        with open(pem, encoding="ascii") as f:
            good = f.read()
        with open(pem, "w", encoding="ascii") as f:
            f.write("rubbish\n")
        out = self.mail.run("start", self.mail.dir)
        self.assertIn("no TLS", out.stderr)
        self.assertIn("server.pem", out.stderr)
        self.mail.wait_logged("name=smtpd listener=1 key=0 tls=0")
        with open(pem, "w", encoding="ascii") as f:
            f.write(good)
        self.mail.run("config", "reload")

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_modules_become_another_user(self):  # PORT-06
        os.chmod(self.mail.parent, 0o755)
        d = os.path.join(self.mail.parent, "other")
        self.mail.run("init", d, "--hostname", "a.test.example", "--domain", "a.example", "--user", "nobody", "--port-base",
                      str(iems.free_port_base()))
        # the sample modules only mark time; slapd and the folders are the real ones
        self.mail.dir, old = d, self.mail.dir
        try:
            self.mail.start()
            nobody = pwd.getpwnam("nobody").pw_uid
            for name, pid in self.mail.pids().items():
                with open(f"/proc/{pid}/status", encoding="ascii") as f:
                    status = f.read()
                self.assertIn(f"Uid:\t{nobody}\t{nobody}\t{nobody}\t{nobody}", status, name)
                if name != "slapd" and "built with sanitizers" not in self.mail.log():
                    self.assertIn("NoNewPrivs:\t1", status)
                    self.assertIn("Seccomp:\t2", status)
            owners = {n: os.stat(os.path.join(d, n)).st_uid for n in ("iems.conf", "tls/server.pem", "log/iemta.log", "data", "run")}
            self.assertEqual(owners, {"iems.conf": 0, "tls/server.pem": 0, "log/iemta.log": 0, "data": nobody, "run": nobody})
            pids = list(self.mail.pids().values())
            os.kill(self.status()["pid"], signal.SIGKILL)
            iems.wait_until("no child", lambda: not [p for p in pids if alive(p)], 3)
        finally:
            self.mail.stop()
            self.mail.dir = old

    def test_programs_tell_about_themselves(self):
        for name in ("smtpd", "store", "dir"):
            program = os.path.join(iems.BUILD, "src", name, "iems-" + name)
            for arg, word in (("--help", "is started by iems-responder"), ("--version", "iems-" + name), ("--options", name + ".")):
                out = subprocess.run([program, arg], capture_output=True, text=True, check=True).stdout
                self.assertIn(word, out)
            out = subprocess.run([program], capture_output=True, text=True, check=False)
            self.assertEqual(out.returncode, 64)
            self.assertIn("run `iems start DIR`", out.stderr)

    def test_wait_time_and_auto_stop(self):  # RESP-05 RESP-06
        wait = round(2.5 * iems.SLOW)
        self.mail.configure(f"[webd]\nwait = {wait}s\n[imapd]\nauto_stop = no")
        self.mail.start()
        self.assertEqual(self.module("webd")["state"], "waiting")   # `start` did not wait for it
        self.wait_state("webd", "ready", 10)
        pid = self.module("imapd")["pid"]
        self.mail.run("stop", self.mail.dir)
        iems.wait_until("imapd gone with the responder", lambda: not alive(pid), 2)

    def test_ports(self):  # PORT-01 PORT-02 PORT-03 SMTPD-02 STLS-02 LIM-36 IMAPPOP-02
        other, third, fourth, fifth = (iems.free_port() for _ in range(4))
        self.mail.configure(f"[smtpd]\nlisten_smtp = 127.0.0.1:{other} 127.0.0.1:{third}\nlisten_lmtp = off\n[imapd]\nlisten_imap = {fourth}\n"
                            f"[pop3d]\nlisten_pop3 = 127.0.0.1:{self.mail.port('pop3')} 127.0.0.1:{fifth}")
        self.mail.start()
        socket.create_connection(("127.0.0.1", other), 2).close()
        socket.create_connection(("127.0.0.1", fourth), 2).close()
        socket.create_connection(("127.0.0.1", fifth), 2).close()
        for service in ("submission", "submissions", "imaps", "pop3", "pop3s", "ldap", "metrics"):
            socket.create_connection(("127.0.0.1", self.mail.port(service)), 2).close()
        for service in ("smtp", "lmtp", "imap"):
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", self.mail.port(service)), 2)
        self.mail.stop()
        self.mail.configure("[pop3d]\nlisten_pop3s = 300.1.1.1:110")
        out = self.mail.run("start", self.mail.dir, check=False)
        self.assertIn("pop3d.listen_pop3s: '300.1.1.1' is no address", out.stderr)

    def test_limits_are_told(self):  # CAP-12
        self.mail.configure("[imapd]\nmax_sessions = 1000\n[smtpd]\nmax_sessions = 500")
        out = subprocess.run(["sh", "-c", f"ulimit -n 900; exec {iems.IEMS} start {self.mail.dir}"], check=False, stdout=subprocess.DEVNULL)
        self.assertEqual(out.returncode, 0)
        if "open_files=900" in self.mail.log():  # where root may not raise the limit
            self.mail.wait_logged("limits option=imapd.max_sessions value=1000 open_files=900")
            self.assertNotIn("limits option=smtpd.max_sessions", self.mail.log())

    def test_log_levels(self):  # LOG-01 LOG-03 SRV-06
        self.mail.start()
        self.assertNotIn(" info responder ", self.mail.log())  # the default is message logging
        self.mail.configure("[server]\nlog_level = informational")
        self.mail.run("config", "reload")
        self.mail.run("restart", "mta")
        self.mail.wait_logged(" info responder - module-ready module=mta")
        self.mail.wait_logged(" info mta - ready")
        self.assertNotIn(" debug ", self.mail.log())

    def test_log_rotation(self):  # LOG-05 LOG-11 SRV-07 SRV-09 LIM-68
        self.mail.configure("[server]\nlog_size = 10k\nlog_keep = 1")
        self.behave("mta", "chatter")
        self.mail.start()
        seen = set()
        for _ in range(4):  # each asking for measurements makes the module write some 30 KB
            before = len(seen)
            self.mail.run("status")
            metrics(self.mail)
            iems.wait_until("rotation", lambda: seen.update(self.rotated()) or len(seen) > before, 5)
            self.assertLessEqual(len(self.rotated()), 1)
        names = sorted(seen)
        for name in names:
            self.assertRegex(name, r"^iems-\d{4}-\d\d-\d\d\.\d{6}\.log$")
        iems.wait_until("the newest name in the log",  # LOG-11
                        lambda: any(f"log-rotated old=\"log/{name}\"" in self.mail.log() for name in self.rotated()), 5)
        with open(os.path.join(self.mail.dir, "log", "sequence"), encoding="ascii") as f:
            self.assertEqual(int(f.read()), int(re.search(r"\.(\d{6})\.", names[-1]).group(1)))

    def rotated(self):
        return sorted(os.path.basename(p) for p in glob.glob(os.path.join(self.mail.dir, "log", "iems-*.log")))

    def test_init_refuses(self):
        with tempfile.TemporaryDirectory() as d:
            with open(os.path.join(d, "file"), "w", encoding="ascii"):
                pass
            for args, message in (((d, "--hostname", "a.b", "--domain", "a.b"), "is not empty"),
                                  ((self.mail.dir, "--hostname", "a.b", "--domain", "a.b"), "is an instance already"),
                                  ((d + "/x", "--hostname", "a.b"), "--hostname and --domain are needed"),
                                  ((d + "/x", "--hostname", "nodot", "--domain", "a.b"), "not a full domain name"),
                                  ((d + "/x", "--hostname", "a.b", "--domain", "a.b", "--port-base", "99999"), "0 to 50000")):
                out = self.mail.run("init", *args, "--user", "", check=False)
                self.assertNotEqual(out.returncode, 0)
                self.assertIn(message, out.stderr)
            self.assertEqual(os.listdir(d), ["file"])

    def test_help_and_completion(self):
        commands = re.findall(r"^  (\w[\w ]*?)  +\S", self.mail.run("help").stdout, re.M)
        self.assertIn("init", commands)
        for command in commands:
            # a name for several commands, as "access", lists them
            self.assertRegex(self.mail.run("help", *command.split()).stdout, rf"usage: |^  iems {command} list")
        script = self.mail.run("completion", "bash").stdout
        for typed, proposed in (("config l", "list"), ("que", "queue"), ("certificate re", "request renew"), ("help undelete r", "restore"), ("help atr", "atrn"),
                                ("config get server.dns_c", "server.dns_cache"), ("config set smtpd.check_rdns per", "permanent"),
                                ("peer set a.test tls_in", "tls_in="), ("import a@b.test --con", "--connections"), ("backup verify --x", ""),
                                ("user set a@b.test --no-p", "--no-password"), ("queue hold --sender-d", "--sender-domain"),
                                ("queue bounce --rea", "--reason"), ("queue run --js", "--json"), ("queue list --aft", "--after"), ("queue delete --he", "--held"),
                                ("queue list --sort pri", "priority"), ("queue retry --channel Q", "QUARANTINE"), ("user set x --quota u", "unlimited"), ("-c /x store ch", "check")):
            words = typed.split()
            out = subprocess.run(["bash", "-c", f'{script}\nCOMP_WORDS=(iems {typed}); COMP_CWORD={len(words)}; _iems; echo "${{COMPREPLY[@]}}"'],
                                 capture_output=True, text=True, check=True)
            self.assertEqual(out.stdout.strip(), proposed, typed)
        # the manual pages: nothing that there is may be missing
        man, conf = (self.mail.run("help", page).stdout.replace("\\-", "-") for page in ("--man", "--man-conf"))
        for status in (0, 64, 65, 66, 67, 69, 70, 71, 73, 74, 75, 77, 78):
            self.assertRegex(man, rf"[ .]{status} [a-z]")
        for command in commands:
            self.assertRegex(man, rf"(?m)^\.B (iems )?{command}( list)?$")
        options = re.findall(r"(?m)^([a-z0-9]+\.[a-z0-9_.]+) ", self.mail.run("config", "list", "--all").stdout)
        self.assertGreater(len(options), 200)
        self.assertEqual([o for o in options if f".B {o}\n" not in conf], [])
        wrong = self.mail.run("sttus", check=False)
        self.assertEqual(wrong.returncode, 64)


def metrics(mail):
    """Asks every module for its measurements."""
    return mail.run("metrics").stdout


if __name__ == "__main__":
    iems.main()
