"""A real SLURM on this machine, from Debian's packages, in a temporary folder and on loopback.

One node with more processors than the machine may have, two GPUs that are plain files, accounting
in a MariaDB, and two partitions: ``normal``, and ``urgent``, whose jobs preempt those of ``normal``
by requeue. Nothing of it needs root, and nothing outside the folder is touched.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PROGRAMS = {
    "munged": "munge",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "slurmdbd": "slurmdbd",
    "sbatch": "slurm-client",
    "mariadbd": "mariadb-server",
}
"""What a cluster is made of, and the Debian packages that hold it."""

PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"

SLURM_CONF = """\
ClusterName=fewmask
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={ports[slurmctld]}
SlurmdPort={ports[slurmd]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=15
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
MinJobAge=300
KillWait=5
SlurmdTimeout=60
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={ports[slurmdbd]}
AccountingStoragePass={folder}/munge.socket
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
NodeName={host} NodeAddr=127.0.0.1 CPUs=16 RealMemory=64000 Gres=gpu:2 State=UNKNOWN
PartitionName=normal Nodes={host} Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=0
PartitionName=urgent Nodes={host} PriorityTier=10 PreemptMode=OFF
"""

SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={ports[slurmdbd]}
SlurmUser={user}
PidFile={folder}/slurmdbd.pid
LogFile={folder}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={ports[mariadbd]}
StorageUser=root
StorageLoc=slurm
"""


CLIENTS = (
    "sacct",
    "sacctmgr",
    "sbatch",
    "scancel",
    "scontrol",
    "sinfo",
    "squeue",
    "srun",
    "sshare",
)

CLIENT = """\
#!/bin/sh
echo "$(date +%s.%N) {name}" >> {folder}/calls.log
SLURM_CONF={folder}/slurm.conf exec {path} "$@"
"""


def missing_packages() -> list[str]:
    """The Debian packages that a cluster would need besides those that are here."""
    return [package for name, package in PROGRAMS.items() if not shutil.which(name, path=PATH)]


class Cluster:
    """A running cluster; `stop` ends all that it started."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="slurm"))  # paths of sockets must be short
        self.environment = os.environ | {
            "PATH": f"{self.folder}/bin:{PATH}",
            "SLURM_CONF": f"{self.folder}/slurm.conf",
        }
        self.calls = self.folder / "calls.log"
        """A line for every call of a command: when, and which."""
        self.processes: dict[str, subprocess.Popen] = {}
        self._configure()
        for name in ("munged", "mariadbd", "slurmdbd"):
            self.start(name)
        self.run("sacctmgr", "--immediate", "add", "cluster", "fewmask", check=False)
        self.run("sacctmgr", "--immediate", "add", "account", "masks")
        self.run("sacctmgr", "--immediate", "add", "user", getpass.getuser(), "account=masks")
        for name in ("slurmctld", "slurmd"):
            self.start(name)

    def _configure(self) -> None:
        names = ("slurmctld", "slurmd", "slurmdbd", "mariadbd")
        self.ports = dict(zip(names, _free_ports(len(names)), strict=True))
        filled = {
            "folder": self.folder,
            "host": socket.gethostname().partition(".")[0],
            "user": getpass.getuser(),
            "ports": self.ports,
        }
        for name in ("state", "spool", "database", "bin"):
            (self.folder / name).mkdir()
        # Snakemake removes SLURM_CONF inside jobs, for a cluster's nodes have it in /etc.
        for name in CLIENTS:
            client = self.folder / "bin" / name
            path = shutil.which(name, path=PATH)
            client.write_text(CLIENT.format(folder=self.folder, path=path, name=name))
            client.chmod(0o755)
        (self.folder / "slurm.conf").write_text(SLURM_CONF.format(**filled))
        (self.folder / "gres.conf").write_text(f"Name=gpu File={self.folder}/gpu[0-1]\n")
        for gpu in range(2):
            (self.folder / f"gpu{gpu}").touch()
        (self.folder / "slurmdbd.conf").write_text(SLURMDBD_CONF.format(**filled))
        (self.folder / "slurmdbd.conf").chmod(0o600)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        self.run(
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={self.folder}/database",
            f"--tmpdir={self.folder}",  # in /tmp, databases that start remove those of others
            f"--user={getpass.getuser()}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )

    def _command(self, name: str) -> list[str]:
        """How a daemon is started, in the foreground."""
        folder = self.folder
        return {
            "munged": [
                *("munged", "--foreground", "--force", f"--socket={folder}/munge.socket"),
                *(f"--key-file={folder}/munge.key", f"--pid-file={folder}/munged.pid"),
                *(f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed"),
            ],
            "mariadbd": [
                *(
                    "mariadbd",
                    "--no-defaults",
                    f"--datadir={folder}/database",
                    f"--tmpdir={folder}",
                ),
                *(f"--user={getpass.getuser()}", "--bind-address=127.0.0.1"),
                *(f"--port={self.ports['mariadbd']}", f"--socket={folder}/mariadb.socket"),
                *(f"--pid-file={folder}/mariadbd.pid", "--innodb-buffer-pool-size=64M"),
            ],
            "slurmdbd": ["slurmdbd", "-D"],
            "slurmctld": ["slurmctld", "-D", "-i"],
            "slurmd": ["slurmd", "-D"],
        }[name]

    def start(self, name: str) -> None:
        """Start a daemon and wait until it answers."""
        with (self.folder / f"{name}.out").open("a") as output:
            self.processes[name] = subprocess.Popen(
                self._command(name),
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        answers = {
            "munged": lambda: (self.folder / "munge.socket").exists(),
            "slurmctld": lambda: self.run("scontrol", "ping", check=False).returncode == 0,
            "slurmd": lambda: self.run("sinfo", "-h", "-o", "%t").stdout.strip() in ("idle", "mix"),
        }
        self.wait(answers.get(name, lambda: _listens(self.ports[name])), f"{name} answers")

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Kill a daemon, and it alone: the jobs that a slurmd has started go on."""
        self.processes[name].send_signal(number)
        self.processes.pop(name).wait()

    def stop(self) -> None:
        """Cancel all jobs, stop all daemons and remove the folder."""
        if "slurmctld" in self.processes:
            self.run("scancel", "--user", getpass.getuser(), check=False)
            self.run("scancel", "--signal=KILL", "--user", getpass.getuser(), check=False)
        for name in reversed(list(self.processes)):
            self.kill(name, signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one of SLURM's commands."""
        answer = subprocess.run(
            command,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if check and answer.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{answer.stdout}\n{self._logs()}")
        return answer

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 300) -> None:
        """Wait until a condition holds, on a machine that may be busy.

        Raises:
            TimeoutError: it did not in time; with the ends of the daemons' logs.
        """
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: not within {seconds} s\n{self._logs()}")
            time.sleep(0.2)

    def _logs(self) -> str:
        files = sorted([*self.folder.glob("*.log"), *self.folder.glob("*.out")])
        ends = {file.name: file.read_text(errors="replace")[-1500:] for file in files}
        return "\n".join(f"--- {name}\n{end}" for name, end in ends.items() if end)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
