"""Commands as another user, because PostgreSQL refuses to run as root."""

import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from tools.failure import Failure

# Bits and names of Linux capabilities. The first is enough; containers often grant only the second.
READ_SEARCH = (2, "dac_read_search")
OVERRIDE = (1, "dac_override")


@dataclass(frozen=True)
class Account:
    """User that runs a program."""

    uid: int
    gid: int

    def own(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)

    def command_prefix(self) -> list[str]:
        """Returns the words before a command that run it as this user.

        The checkout may be below a folder that only root may enter, such as root's home. So the
        program keeps the capability to read and search regardless of file modes. PostgreSQL calls
        access(2) on its files, which honours the capability only with the no_setuid_fixup bit.
        """
        if os.geteuid() != 0:
            return []
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise Failure("PostgreSQL cannot run as root. Install setpriv, or use another user.")
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
    """Returns the current user or, for root, the folder's owner or else `nobody`."""
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
    raise Failure("PostgreSQL cannot run as root, who may not change users here. Use another user.")
