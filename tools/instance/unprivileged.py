"""Running a program as another user where this one is root, which PostgreSQL refuses to be."""

import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from tools.failure import Failure

# Bits of Linux capabilities; reading is enough, but containers often grant the second alone.
READ_SEARCH = (2, "dac_read_search")
OVERRIDE = (1, "dac_override")


@dataclass(frozen=True)
class Account:
    """The user that a program is to run as."""

    uid: int
    gid: int

    def own(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)

    def command_prefix(self) -> list[str]:
        """Returns what goes before a command to run it as this user.

        The checkout may lie below a folder that only root may enter, such as its home. The program
        therefore keeps one capability, to read and search past file modes. PostgreSQL asks
        access(2) about its files. That call ignores the capabilities of another user than root,
        unless the no_setuid_fixup bit is set.
        """
        if os.geteuid() != 0:
            return []
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise Failure("PostgreSQL can't run as root, and setpriv (util-linux) is not here")
        capability = _granted_capability()
        return [
            setpriv,
            f"--reuid={self.uid}",
            f"--regid={self.gid}",
            "--clear-groups",
            "--securebits=+no_setuid_fixup",
            f"--inh-caps=+{capability}",
            f"--ambient-caps=+{capability}",
        ]


def account_for(folder: Path) -> Account:
    """Returns the current user; for root, the folder's owner if that is a user, else `nobody`."""
    if os.geteuid() != 0:
        return Account(os.getuid(), os.getgid())
    if folder.exists() and folder.stat().st_uid != 0:
        return Account(folder.stat().st_uid, folder.stat().st_gid)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def _granted_capability() -> str:
    status = Path("/proc/self/status").read_text()
    permitted = int(status.partition("CapPrm:")[2].split()[0], 16)
    for bit, name in (READ_SEARCH, OVERRIDE):
        if permitted >> bit & 1:
            return name
    raise Failure("PostgreSQL can't run as root, and this root may not start it as another user")
