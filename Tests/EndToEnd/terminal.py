"""A command in a terminal of its own: what a person sees and types."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    def __init__(self, command: list[str], environment: dict, columns: int = 80):
        self.master, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen(command, stdin=other, stdout=other, stderr=other, start_new_session=True,
                                        env=environment | {"LANG": "C.UTF-8", "TERM": "xterm"})
        os.close(other)
        self.raw = ""

    @property
    def text(self) -> str:
        """All that was printed, without what moves the cursor."""
        return CONTROL.sub("", self.raw).replace("\r\n", "\n")

    def read(self, seconds: float) -> bool:
        """Takes what is there; False at the end."""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)

    def expect(self, text: str, seconds: float = 20):
        deadline = time.monotonic() + seconds
        while text not in self.text:
            assert self.read(0.1), f"the command ended without {text!r}:\n{self.text}"
            assert time.monotonic() < deadline, f"no {text!r} within {seconds} s:\n{self.text}"

    def type(self, line: str):
        os.write(self.master, (line + "\n").encode())

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def finish(self, seconds: float = 30) -> int:
        deadline = time.monotonic() + seconds
        while self.read(0.1):
            assert time.monotonic() < deadline, f"the command goes on after {seconds} s:\n{self.text}"
        code = self.process.wait(10)
        os.close(self.master)
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
